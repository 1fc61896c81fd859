//! XML as a tree: elements, attributes and text. Gives no meaning to it, and expands no entities but XML's own.

use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
};

use super::Unreadable;

/// Deepest nesting of elements.
const DEPTH_MAX: usize = 128;

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Without the namespace's prefix.
    pub(super) name: String,
    /// As they are written, with the namespace's prefix.
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    /// All text directly in it.
    pub(super) text: String,
}

impl Element {
    /// The first child of that name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of that name.
    pub(super) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first element of that name in it, or it itself.
    pub(super) fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }
}

/// The root of a document.
pub(super) fn parse(body: &[u8]) -> Result<Element, Unreadable> {
    let unreadable = |error: &dyn std::fmt::Display| Unreadable(format!("it is no XML ({error})"));
    let text = std::str::from_utf8(body).map_err(|error| unreadable(&error))?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|error| unreadable(&error))? {
            Event::Start(start) => open.push(element(&start)?),
            Event::Empty(start) => close(&mut open, element(&start)?),
            Event::End(_) => match open.pop() {
                Some(done) if !open.is_empty() => close(&mut open, done),
                _ => return Err(unreadable(&"an element is closed that was not opened")),
            },
            Event::Text(text) => append(&mut open, &text.decode().map_err(|error| unreadable(&error))?),
            Event::CData(text) => append(&mut open, &text.decode().map_err(|error| unreadable(&error))?),
            Event::GeneralRef(entity) => {
                let name = entity.decode().map_err(|error| unreadable(&error))?;
                match entity.resolve_char_ref().map_err(|error| unreadable(&error))? {
                    Some(letter) => append(&mut open, letter.encode_utf8(&mut [0; 4])),
                    None => append(&mut open, resolve_predefined_entity(&name).unwrap_or_default()),
                }
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => (),
        }
        if open.len() > DEPTH_MAX {
            return Err(unreadable(&"it is nested too deeply"));
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(document), true) => {
            document.children.into_iter().next().ok_or_else(|| unreadable(&"it is empty"))
        }
        _ => Err(unreadable(&"it ends too early")),
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, Unreadable> {
    let unreadable = |error: &dyn std::fmt::Display| Unreadable(format!("it is no XML ({error})"));
    let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| unreadable(&error))?;
        let value = std::str::from_utf8(&attribute.value).map_err(|error| unreadable(&error))?;
        let value = quick_xml::escape::unescape(value).map_err(|error| unreadable(&error))?.into_owned();
        attributes.push((String::from_utf8_lossy(attribute.key.as_ref()).into_owned(), value));
    }
    Ok(Element { name, attributes, ..Element::default() })
}

fn close(open: &mut [Element], done: Element) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(done);
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_namespaces_and_cdata_are_read() {
        let root = parse(
            b"<?xml version=\"1.0\"?><a:r x:t='1 &amp; 2'><b>x &lt; &#65;<![CDATA[<y>]]></b><c/></a:r>",
        );
        let root = root.unwrap();
        assert_eq!((root.name.as_str(), root.child("b").unwrap().text.as_str()), ("r", "x < A<y>"));
        assert_eq!(root.attributes, [("x:t".to_owned(), "1 & 2".to_owned())]);
        assert_eq!(root.child("c").unwrap(), &Element { name: "c".to_owned(), ..Element::default() });
    }

    #[test]
    fn what_is_no_xml_is_refused() {
        for body in ["", "text", "<a>", "</a>", "<a></b>", "<a", "{\"a\": 1}"] {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
        let deep = "<a>".repeat(DEPTH_MAX + 1) + &"</a>".repeat(DEPTH_MAX + 1);
        assert!(parse(deep.as_bytes()).is_err());
    }
}
