//! JSONPath in AWS's dialect: a definite path gives a value or nothing, an indefinite one a list.
//! Does not know payload templates or intrinsic functions.

mod eval;
mod filter;
mod parse;
mod reference;

use std::fmt;

pub(crate) use filter::{Filter, same};
pub(crate) use parse::SyntaxError;
pub(crate) use reference::Reference;

/// A parsed path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path {
    /// As written.
    pub text: String,
    pub root: Root,
    pub segments: Vec<Segment>,
}

/// What a path starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// `$`: the data at hand.
    Input,
    /// `$$`: the context object.
    Context,
    /// `$name`: a variable.
    Variable(String),
    /// `@`: the element that a filter looks at.
    Current,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Segment {
    /// `.name`, `['name']`
    Name(String),
    /// `['a','b']`
    Names(Vec<String>),
    /// `[0]`, `[-1]`
    Index(i64),
    /// `[0,2]`
    Indexes(Vec<i64>),
    /// `[1:3]`
    Slice(Option<i64>, Option<i64>),
    /// `.*`, `[*]`
    Wildcard,
    /// `..`, in front of the segment that is looked for at every depth
    Descend,
    /// `[?(...)]`
    Filter(Filter),
    /// `.length()` and its like, at the end
    Function(Function),
}

/// What can be asked of the value at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Length,
    Min,
    Max,
    Avg,
    Sum,
    Keys,
    First,
    Last,
}

impl Path {
    /// Whether it names at most one value.
    pub fn is_definite(&self) -> bool {
        self.segments
            .iter()
            .all(|segment| matches!(segment, Segment::Name(_) | Segment::Index(_) | Segment::Function(_)))
    }

    /// The normal form that messages show: `$['a'][0]`.
    pub fn normal(&self, segments: usize) -> String {
        let mut text = self.root.to_string();
        for segment in self.segments.iter().take(segments) {
            text.push_str(&segment.to_string());
        }
        text
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input | Self::Context => f.write_str("$"),
            Self::Variable(name) => write!(f, "${name}"),
            Self::Current => f.write_str("@"),
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "['{name}']"),
            Self::Names(names) => write!(f, "['{}']", names.join("','")),
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Indexes(indexes) => {
                let texts: Vec<String> = indexes.iter().map(i64::to_string).collect();
                write!(f, "[{}]", texts.join(","))
            }
            Self::Slice(from, to) => {
                let text = |bound: &Option<i64>| bound.map(|bound| bound.to_string()).unwrap_or_default();
                write!(f, "[{}:{}]", text(from), text(to))
            }
            Self::Wildcard => f.write_str("[*]"),
            Self::Descend => f.write_str(".."),
            Self::Filter(_) => f.write_str("[?]"),
            Self::Function(function) => write!(f, ".{}()", format!("{function:?}").to_lowercase()),
        }
    }
}
