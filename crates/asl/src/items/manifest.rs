//! Manifests: files that list the objects to be read.

use serde_json::Value;

use super::{ReadError, delimited};

/// What a manifest of Amazon S3 Inventory lists.
pub(super) struct Inventory {
    pub bucket: String,
    pub keys: Vec<String>,
    /// The columns of the listed files.
    pub columns: Vec<String>,
}

/// Reads `manifest.json` of Amazon S3 Inventory; its files must be CSV.
pub(super) fn inventory(text: &str, source: &str) -> Result<Inventory, ReadError> {
    let wrong = |what: &str| ReadError(format!("The inventory manifest {source} {what}."));
    let manifest: Value =
        serde_json::from_str(text).map_err(|error| wrong(&format!("is no JSON: {error}")))?;
    let text = |field: &str| manifest.get(field).and_then(Value::as_str);
    if text("fileFormat") != Some("CSV") {
        return Err(wrong("must have the fileFormat CSV"));
    }
    let columns = text("fileSchema").ok_or_else(|| wrong("has no fileSchema"))?;
    let bucket = text("destinationBucket").ok_or_else(|| wrong("has no destinationBucket"))?;
    let files = manifest.get("files").and_then(Value::as_array).ok_or_else(|| wrong("has no files"))?;
    let key = |file: &Value| file.get("key").and_then(Value::as_str).map(str::to_owned);
    let keys: Option<Vec<String>> = files.iter().map(key).collect();
    Ok(Inventory {
        bucket: bucket.rsplit(':').next().unwrap_or_default().to_owned(),
        keys: keys.ok_or_else(|| wrong("has a file without a key"))?,
        columns: columns.split(',').map(|column| column.trim().to_owned()).collect(),
    })
}

/// Reads the manifest that Athena's `UNLOAD` writes: the URI of an object a line. Gives buckets and keys.
pub(super) fn athena(text: &str, source: &str) -> Result<Vec<(String, String)>, ReadError> {
    let uris = delimited::first_fields(text);
    let place = |uri: String| {
        let (bucket, key) =
            uri.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).ok_or_else(|| {
                ReadError(format!("The manifest {source} lists `{uri}`, which is no URI of an object."))
            })?;
        Ok((bucket.to_owned(), key.to_owned()))
    };
    uris.into_iter().map(place).collect()
}
