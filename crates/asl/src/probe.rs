//! Single parts of the language, for benchmarks and suites that judge a part. Not for use in products.

use serde_json::Value;

use crate::path;

/// A JSONPath over one document, without context object and variables.
#[derive(Debug)]
pub struct Path(path::Path);

impl Path {
    /// Parses a path. Says why if it cannot.
    pub fn parse(text: &str) -> Result<Self, String> {
        path::Path::parse(text).map(Self).map_err(|error| error.to_string())
    }

    /// What the path finds: one value if it is definite, else a list. Says why if it finds nothing.
    pub fn select(&self, document: &Value) -> Result<Value, String> {
        self.0.select(document).map_err(|miss| miss.0)
    }
}
