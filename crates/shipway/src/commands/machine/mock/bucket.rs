//! Buckets of a rehearsal, for distributed Maps: what mock files, test files and folders put into them. All in
//! memory; what a `ResultWriter` writes stays there too.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::Value;
use shipway_asl::{
    items::{Listed, Reply, Request},
    limits::OBJECT_BYTES_MAX,
};

use crate::failure::Failure;

/// Objects as they are written down: bucket, key, and the text, or a value that is stored as JSON.
pub type Objects = BTreeMap<String, BTreeMap<String, Value>>;

/// Files that one folder may bring.
const FILES_MAX: usize = 10_000;
/// Objects in one page of a listing, as with S3.
const PAGE: usize = 1_000;

/// The buckets of one run.
#[derive(Clone, Debug, Default)]
pub struct Buckets {
    objects: BTreeMap<(String, String), Vec<u8>>,
    buckets: BTreeSet<String>,
    written: BTreeSet<(String, String)>,
}

impl Buckets {
    /// Adds objects that a document holds.
    pub fn extend(&mut self, objects: &Objects) {
        for (bucket, objects) in objects {
            self.buckets.insert(bucket.clone());
            for (key, content) in objects {
                let text = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
                self.objects.insert((bucket.clone(), key.clone()), text.into_bytes());
            }
        }
    }

    /// Adds the files of a folder, by their paths in it.
    pub fn load(&mut self, bucket: &str, folder: &Path) -> Result<(), Failure> {
        self.buckets.insert(bucket.to_owned());
        let (mut folders, mut files, mut bytes) = (vec![folder.to_owned()], 0_usize, 0_usize);
        while let Some(next) = folders.pop() {
            let entries = fs::read_dir(&next).map_err(|error| unreadable(&next, &error))?;
            for entry in entries {
                let path = entry.map_err(|error| unreadable(&next, &error))?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let content = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
                (files, bytes) = (files.saturating_add(1), bytes.saturating_add(content.len()));
                if files > FILES_MAX || bytes > OBJECT_BYTES_MAX {
                    return Err(Failure::usage(format!("`{}` is too large for a bucket", folder.display()))
                        .hint(format!("{FILES_MAX} files and {OBJECT_BYTES_MAX} bytes are read at most")));
                }
                let key = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
                self.objects.insert((bucket.to_owned(), key), content);
            }
        }
        Ok(())
    }

    /// What the run wrote: bucket, key and content.
    pub fn written(&self) -> impl Iterator<Item = (&str, &str, &[u8])> {
        self.written.iter().filter_map(|name| {
            let content = self.objects.get(name)?;
            Some((name.0.as_str(), name.1.as_str(), content.as_slice()))
        })
    }

    /// The answer to an `ItemReader`.
    pub fn read(&self, request: &Request) -> Result<Reply, String> {
        match request {
            Request::Object { bucket, key, .. } => {
                self.check(bucket)?;
                let found = self.objects.get(&(bucket.clone(), key.clone())).cloned();
                found.map(Reply::Object).ok_or_else(|| "The specified key does not exist.".to_owned())
            }
            Request::List { bucket, prefix, token } => {
                self.check(bucket)?;
                Ok(self.list(bucket, prefix, token.as_deref()))
            }
        }
    }

    fn check(&self, bucket: &str) -> Result<(), String> {
        if self.buckets.contains(bucket) {
            return Ok(());
        }
        Err("The specified bucket does not exist".to_owned())
    }

    fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Reply {
        let mut found = self.objects.iter().filter(|((of, key), _)| {
            of == bucket && key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after)
        });
        let listed = |((_, key), content): (&(String, String), &Vec<u8>)| Listed {
            key: key.clone(),
            size: u64::try_from(content.len()).unwrap_or(u64::MAX),
            etag: "\"0\"".to_owned(),
            modified: 0,
            storage_class: "STANDARD".to_owned(),
        };
        let objects: Vec<Listed> = found.by_ref().take(PAGE).map(listed).collect();
        let next = found.next().and(objects.last()).map(|last| last.key.clone());
        Reply::List { objects, next }
    }

    /// Takes a file of a `ResultWriter`.
    pub fn write(&mut self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), String> {
        self.check(bucket)?;
        let name = (bucket.to_owned(), key.to_owned());
        self.written.insert(name.clone());
        self.objects.insert(name, bytes);
        Ok(())
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("cannot read `{}`: {error}", path.display()))
        .hint("--bucket NAME=FOLDER takes a folder whose files are the objects")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(bucket: &str, key: &str) -> Request {
        Request::Object { bucket: bucket.into(), key: key.into(), version: None }
    }

    #[test]
    fn objects_are_texts_or_json_and_what_is_not_there_is_named() {
        let mut buckets = Buckets::default();
        buckets
            .extend(&serde_json::from_value(json!({"b": {"text": "a,b", "json": [1, {"c": 2}]}})).unwrap());
        assert_eq!(buckets.read(&object("b", "text")), Ok(Reply::Object(b"a,b".to_vec())));
        assert_eq!(buckets.read(&object("b", "json")), Ok(Reply::Object(br#"[1,{"c":2}]"#.to_vec())));
        assert_eq!(buckets.read(&object("b", "no")).unwrap_err(), "The specified key does not exist.");
        assert_eq!(buckets.read(&object("no", "no")).unwrap_err(), "The specified bucket does not exist");
        assert!(buckets.write("no", "key", Vec::new()).is_err());
    }

    #[test]
    fn a_folder_is_a_bucket_and_what_is_written_is_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        fs::write(folder.path().join("in/1.json"), "[]").unwrap();
        let mut buckets = Buckets::default();
        buckets.load("b", folder.path()).unwrap();
        buckets.write("b", "out/1", b"x".to_vec()).unwrap();
        let list = Request::List { bucket: "b".into(), prefix: "in/".into(), token: None };
        let Ok(Reply::List { objects, next: None }) = buckets.read(&list) else { panic!("no listing") };
        assert_eq!(objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["in/1.json"]);
        assert_eq!(buckets.written().collect::<Vec<_>>(), [("b", "out/1", b"x".as_slice())]);
        assert!(buckets.load("b", &folder.path().join("nothing")).is_err());
    }
}
