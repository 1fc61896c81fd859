//! The embedded models: unpacks, reads and checks one when it is first asked for, and keeps it.

use std::{io::Read, sync::OnceLock};

use flate2::read::GzDecoder;

use super::{
    Error,
    index::ENTRIES,
    nearest::nearest,
    wire::{Definition, Model},
};

/// Largest model once unpacked; the largest of today is a tenth of it.
const MODEL_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// One embedded model.
pub(super) struct Entry {
    name: &'static str,
    /// What the AWS command line calls the service.
    other_name: &'static str,
    packed: &'static [u8],
    service: OnceLock<Result<Service, Error>>,
}

/// A model that nobody has asked for yet.
pub(super) const fn entry(name: &'static str, other_name: &'static str, packed: &'static [u8]) -> Entry {
    Entry { name, other_name, packed, service: OnceLock::new() }
}

/// An AWS service: its operations and shapes.
#[derive(Debug)]
pub struct Service {
    name: String,
    model: Model,
    anything: Definition,
}

impl Service {
    /// As `aws-sdk:<name>:` calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A service by a model that is not embedded: JSON as botocore writes it.
    ///
    /// # Errors
    /// The text is no model, or the model names what it does not define.
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, Error> {
        let damaged = |reason: String| Error::Damaged { service: name.to_owned(), reason };
        let model: Model = serde_json::from_slice(text).map_err(|error| damaged(error.to_string()))?;
        match dangling(&model) {
            Some(shape) => Err(damaged(format!("it names the shape `{shape}` and does not define it"))),
            None => Ok(Self { name: name.to_owned(), model, anything: Definition::default() }),
        }
    }

    pub(super) fn model(&self) -> &Model {
        &self.model
    }

    /// The shape of what has none.
    pub(super) fn anything(&self) -> &Definition {
        &self.anything
    }
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ENTRIES.iter().map(|entry| entry.name)
}

pub(super) fn load(name: &str) -> Result<&'static Service, Error> {
    let found = ENTRIES.binary_search_by(|entry| entry.name.cmp(name)).ok();
    let entry = found.and_then(|at| ENTRIES.get(at)).ok_or_else(|| unknown(name))?;
    entry.service.get_or_init(|| read(entry.name, entry.packed)).as_ref().map_err(Error::clone)
}

fn unknown(name: &str) -> Error {
    let same = ENTRIES.iter().find(|entry| entry.other_name == name).map(|entry| entry.name);
    let nearest = same.or_else(|| nearest(name, names()));
    // WHY: a short name differs from others in every letter; only its case may be a slip.
    let nearest = nearest.or_else(|| names().find(|known| known.eq_ignore_ascii_case(name)));
    Error::UnknownService { name: name.to_owned(), nearest: nearest.map(str::to_owned) }
}

fn read(name: &str, packed: &[u8]) -> Result<Service, Error> {
    let mut text = Vec::new();
    GzDecoder::new(packed)
        .take(MODEL_BYTES_MAX)
        .read_to_end(&mut text)
        .map_err(|error| Error::Damaged { service: name.to_owned(), reason: error.to_string() })?;
    Service::parse(name, &text)
}

/// A shape that is named and not defined.
fn dangling(model: &Model) -> Option<&str> {
    let of_operations = model
        .operations
        .values()
        .flat_map(|operation| operation.input.iter().chain(&operation.output).chain(&operation.errors));
    let of_shapes = model.shapes.values().flat_map(Definition::references);
    of_operations
        .chain(of_shapes)
        .map(|reference| reference.shape.as_str())
        .find(|shape| !model.shapes.contains_key(*shape))
}

/// How many bytes each model takes in the binary.
#[cfg(test)]
pub(super) fn sizes() -> impl Iterator<Item = usize> {
    ENTRIES.iter().map(|entry| entry.packed.len())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn damage(text: &str) -> String {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        read("x", &encoder.finish().unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn a_damaged_model_is_refused() {
        let metadata = r#"{"serviceId":"X","apiVersion":"1","protocol":"json","endpointPrefix":"x"}"#;
        let operations = r#"{"Op":{"http":{"method":"POST","requestUri":"/"},"output":{"shape":"Out"}}}"#;
        let model = format!(r#"{{"metadata":{metadata},"operations":{operations},"shapes":{{}}}}"#);
        let message =
            "the model of the AWS service `x` is damaged: it names the shape `Out` and does not define it";
        assert_eq!(damage(&model), message);
        assert!(
            damage("{").starts_with("the model of the AWS service `x` is damaged: EOF"),
            "{}",
            damage("{")
        );
        assert!(read("x", b"no gzip").is_err());
    }

    #[test]
    fn the_index_is_sorted() {
        assert!(ENTRIES.is_sorted_by(|a, b| a.name < b.name));
    }
}
