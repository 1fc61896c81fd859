//! Objects that are compressed as a whole.

use std::io::Read;

use super::ReadError;
use crate::limits::OBJECT_BYTES_MAX;

/// The text of an object, unpacked if its key says that it is packed.
pub(super) fn text(bytes: Vec<u8>, key: &str, source: &str) -> Result<String, ReadError> {
    let too_large = || ReadError(format!("The object {source} has more than {OBJECT_BYTES_MAX} bytes."));
    if bytes.len() > OBJECT_BYTES_MAX {
        return Err(too_large());
    }
    if key.ends_with(".zst") || key.ends_with(".zstd") {
        return Err(ReadError(format!(
            "The object {source} is packed with ZSTD, which is not read here: pack it with GZIP."
        )));
    }
    let bytes = if key.ends_with(".gz") { gunzip(&bytes, source)? } else { bytes };
    if bytes.len() > OBJECT_BYTES_MAX {
        return Err(too_large());
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| ReadError(format!("The object {source} is no text in UTF-8.")))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn gunzip(bytes: &[u8], source: &str) -> Result<Vec<u8>, ReadError> {
    let mut unpacked = Vec::new();
    let most = u64::try_from(OBJECT_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    flate2::read::MultiGzDecoder::new(bytes)
        .take(most)
        .read_to_end(&mut unpacked)
        .map_err(|error| ReadError(format!("The object {source} is no GZIP: {error}.")))?;
    Ok(unpacked)
}
