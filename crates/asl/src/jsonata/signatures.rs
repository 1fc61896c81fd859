//! The language's functions and the kinds of their parameters: to name the function whose argument is wrong,
//! which the library leaves out. Does not check arguments.

use super::uses::Uses;

/// A function's name and its parameters in the language's own notation, without result and defaults.
type Signature = (&'static str, &'static str);

const SIGNATURES: &[Signature] = &[
    ("abs", "n"),
    ("append", "xx"),
    ("assert", "bs?"),
    ("average", "a<n>"),
    ("base64decode", "s"),
    ("base64encode", "s"),
    ("boolean", "x"),
    ("ceil", "n"),
    ("contains", "s(sf)"),
    ("count", "a"),
    ("decodeUrl", "s"),
    ("decodeUrlComponent", "s"),
    ("distinct", "x"),
    ("each", "of"),
    ("encodeUrl", "s"),
    ("encodeUrlComponent", "s"),
    ("error", "s?"),
    ("exists", "x"),
    ("filter", "af"),
    ("floor", "n"),
    ("formatBase", "nn?"),
    ("formatInteger", "ns"),
    ("formatNumber", "nso?"),
    ("fromMillis", "ns?s?"),
    ("join", "a<s>s?"),
    ("keys", "x"),
    ("length", "s"),
    ("lookup", "xs"),
    ("lowercase", "s"),
    ("map", "af"),
    ("match", "sfn?"),
    ("max", "a<n>"),
    ("merge", "a<o>"),
    ("min", "a<n>"),
    ("not", "x"),
    ("number", "(nsb)"),
    ("pad", "sns?"),
    ("parseInteger", "ss"),
    ("power", "nn"),
    ("reduce", "afj?"),
    ("replace", "s(sf)(sf)n?"),
    ("reverse", "a"),
    ("round", "nn?"),
    ("shuffle", "a"),
    ("sift", "of?"),
    ("single", "af?"),
    ("sort", "af?"),
    ("split", "s(sf)n?"),
    ("spread", "x"),
    ("sqrt", "n"),
    ("string", "xb?"),
    ("substring", "snn?"),
    ("substringAfter", "ss"),
    ("substringBefore", "ss"),
    ("sum", "a<n>"),
    ("toMillis", "ss?"),
    ("trim", "s"),
    ("type", "x"),
    ("uppercase", "s"),
];

/// The kinds of values by their letters, as the library and as the language's messages say them.
const KINDS: &[(char, &str, &str)] = &[
    ('a', "Array", "arrays"),
    ('b', "Boolean", "booleans"),
    ('f', "Function", "functions"),
    ('n', "Number", "numbers"),
    ('o', "Object", "objects"),
    ('s', "String", "strings"),
];

/// The words about an argument that does not fit, in terms of what the library says about it.
pub(super) fn mismatch(code: &str, said: &str, uses: &Uses) -> String {
    if let Some((name, rest)) =
        said.strip_prefix("Argument ").and_then(|rest| rest.split_once(" of function \""))
        && !rest.is_empty()
    {
        // WHY: the functions that are added to the language name themselves.
        return format!("Argument {name} of function \"{rest}");
    }
    if let Some(count) = said.strip_prefix("Argument count mismatch: ") {
        return by_count(count, uses);
    }
    let Some((index, kind)) = index_and_kind(said) else { return said.to_owned() };
    let fits = |parameters: &[&str]| {
        index.checked_sub(1).and_then(|at| parameters.get(at)).is_some_and(|parameter| kind.is_of(parameter))
    };
    let function = only(uses, fits);
    match (code, kind) {
        ("T0412", Kind::Items(items)) => {
            format!("Argument {index} of function{function} must be an array of \"{items}\"")
        }
        _ => format!("Argument {index} of function{function} does not match function signature"),
    }
}

/// The first argument that is missing, or that is too much.
fn by_count(said: &str, uses: &Uses) -> String {
    let given: usize = said.rsplit_once("got ").and_then(|(_, given)| given.parse().ok()).unwrap_or_default();
    let is_needed = |parameter: &&&str| !parameter.ends_with('?');
    let fits =
        |parameters: &[&str]| given > parameters.len() || given < parameters.iter().filter(is_needed).count();
    let function = only(uses, fits);
    format!(
        "Argument {} of function{function} does not match function signature",
        first_wrong(given, uses, fits)
    )
}

fn first_wrong(given: usize, uses: &Uses, fits: impl Fn(&[&str]) -> bool) -> usize {
    let most = used(uses).map(|(_, text)| parameters(text)).find(|parameters| fits(parameters));
    most.map_or(given, |parameters| given.min(parameters.len())) + 1
}

/// ` "name"` of the one function in the expression that fits, or of its only function; nothing if it cannot be told.
fn only(uses: &Uses, fits: impl Fn(&[&str]) -> bool) -> String {
    let fitting = single(used(uses).filter(|(_, text)| fits(&parameters(text))));
    let found = fitting.or_else(|| single(used(uses)));
    found.map(|(name, _)| format!(" \"{name}\"")).unwrap_or_default()
}

fn single<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

fn used(uses: &Uses) -> impl Iterator<Item = &'static Signature> {
    SIGNATURES.iter().filter(|(name, _)| uses.names(name))
}

/// What the library expected of an argument.
enum Kind<'a> {
    /// An array of things of a kind.
    Items(&'static str),
    /// A kind, or `(String or Function)`.
    Words(&'a str),
}

impl Kind<'_> {
    /// Whether a parameter is of this kind.
    fn is_of(&self, parameter: &str) -> bool {
        let parameter = parameter.trim_end_matches('?');
        match self {
            Self::Items(items) => {
                KINDS.iter().any(|(letter, _, words)| words == items && parameter == format!("a<{letter}>"))
            }
            Self::Words(words) => {
                let wanted = words.trim_matches(['(', ')']).split(" or ");
                let wanted = wanted.map(|word| word.split('<').next().unwrap_or(word));
                let letters = parameter.trim_matches(['(', ')']);
                wanted.eq(letters.chars().map(|letter| {
                    KINDS.iter().find(|(known, ..)| *known == letter).map_or("", |(_, word, _)| word)
                }))
            }
        }
    }
}

/// `Argument 1 must be Number`, `Argument 1 must be an array of Number`,
/// `Argument 1 of function does not match function signature (expected Number)`
fn index_and_kind(said: &str) -> Option<(usize, Kind<'_>)> {
    let (index, rest) = said.strip_prefix("Argument ")?.split_once(' ')?;
    let index = index.parse().ok()?;
    let rest = rest.strip_prefix("of function ").unwrap_or(rest);
    if let Some(item) = rest.strip_prefix("must be an array of ") {
        let words = KINDS.iter().find(|(_, word, _)| *word == item).map(|(.., words)| *words)?;
        return Some((index, Kind::Items(words)));
    }
    Some((index, Kind::Words(rest.strip_prefix("must be ").unwrap_or_default())))
}

/// `s(sf)n?` as `s`, `(sf)`, `n?`.
fn parameters(text: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let kind = match rest.chars().next() {
            Some('(') => rest.find(')').map_or(rest.len(), |at| at + 1),
            _ if rest.get(1..2) == Some("<") => rest.find('>').map_or(rest.len(), |at| at + 1),
            _ => 1,
        };
        let end = if rest.get(kind..kind + 1) == Some("?") { kind + 1 } else { kind };
        let (part, left) = rest.split_at(end.min(rest.len()));
        parts.push(part);
        rest = left;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_told_apart() {
        assert_eq!(parameters("s(sf)(sf)n?"), ["s", "(sf)", "(sf)", "n?"]);
        assert_eq!(parameters("a<s>s?"), ["a<s>", "s?"]);
        assert_eq!(parameters(""), [""; 0]);
    }
}
