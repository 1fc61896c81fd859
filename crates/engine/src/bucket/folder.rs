//! Buckets as folders below one folder, objects as files: for local use. Keeps one version of each object.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use async_trait::async_trait;
use shipway_asl::items::Listed;

use super::{Buckets, Error, LISTED_MAX, Page, READ_BYTES_MAX, WRITE_BYTES_MAX};

/// Files of one bucket that a listing looks through at most.
const FILES_MAX: usize = 200_000;
/// Names of files that are being written begin so; they are no objects.
const UNFINISHED: &str = ".unfinished-";

/// Buckets in a folder: `<root>/<bucket>/<key>`.
#[derive(Clone, Debug)]
pub struct FolderBuckets {
    root: PathBuf,
}

impl FolderBuckets {
    /// The buckets in `root`. A bucket is made when an object is first written to it.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    async fn work<T: Send + 'static>(
        &self,
        bucket: &str,
        work: impl FnOnce(PathBuf) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let folder = inside(&self.root, bucket)
            .filter(|_| !bucket.contains('/'))
            .ok_or_else(|| Error(format!("The specified bucket is not valid: `{bucket}`")))?;
        let done = tokio::task::spawn_blocking(move || work(folder)).await;
        done.unwrap_or_else(|error| Err(Error(format!("The bucket could not be worked on: {error}"))))
    }
}

#[async_trait]
impl Buckets for FolderBuckets {
    async fn get(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Vec<u8>, Error> {
        if version.is_some() {
            return Err(Error("Folders keep one version of an object: leave VersionId out.".to_owned()));
        }
        let key = key.to_owned();
        self.work(bucket, move |folder| read(&folder, &key)).await
    }

    async fn list(&self, bucket: &str, prefix: &str, token: Option<&str>) -> Result<Page, Error> {
        let (prefix, token) = (prefix.to_owned(), token.map(str::to_owned));
        self.work(bucket, move |folder| list(&folder, &prefix, token.as_deref())).await
    }

    async fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), Error> {
        if bytes.len() > WRITE_BYTES_MAX {
            return Err(Error(format!("The object {key} has more than {WRITE_BYTES_MAX} bytes.")));
        }
        let key = key.to_owned();
        self.work(bucket, move |folder| write(&folder, &key, &bytes)).await
    }
}

/// A path below `root`; none for names that lead out of it.
fn inside(root: &Path, name: &str) -> Option<PathBuf> {
    let is_plain = !name.is_empty()
        && !name.contains('\\')
        && name.split('/').all(|part| !part.is_empty() && !part.starts_with(UNFINISHED))
        && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    is_plain.then(|| root.join(name))
}

fn file(folder: &Path, key: &str) -> Result<PathBuf, Error> {
    inside(folder, key).ok_or_else(|| Error(format!("The key `{key}` cannot be the name of a file.")))
}

fn read(folder: &Path, key: &str) -> Result<Vec<u8>, Error> {
    if !folder.is_dir() {
        return Err(Error("The specified bucket does not exist".to_owned()));
    }
    let opened = fs::File::open(file(folder, key)?).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::IsADirectory | ErrorKind::NotADirectory => {
            Error("The specified key does not exist.".to_owned())
        }
        _ => Error(format!("The object {key} cannot be read: {error}.")),
    })?;
    let mut bytes = Vec::new();
    let most = u64::try_from(READ_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    opened
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|error| Error(format!("The object {key} cannot be read: {error}.")))?;
    if bytes.len() > READ_BYTES_MAX {
        return Err(Error(format!("The object {key} has more than {READ_BYTES_MAX} bytes.")));
    }
    Ok(bytes)
}

fn list(folder: &Path, prefix: &str, token: Option<&str>) -> Result<Page, Error> {
    if !folder.is_dir() {
        return Err(Error("The specified bucket does not exist".to_owned()));
    }
    let failed = |error: std::io::Error| Error(format!("The bucket cannot be listed: {error}."));
    let mut objects = Vec::new();
    walk(folder, &mut objects).map_err(failed)?;
    objects.retain(|object: &Listed| {
        object.key.starts_with(prefix) && token.is_none_or(|token| object.key.as_str() > token)
    });
    objects.sort_by(|one, other| one.key.cmp(&other.key));
    let has_more = objects.len() > LISTED_MAX;
    objects.truncate(LISTED_MAX);
    let next = objects.last().filter(|_| has_more).map(|last| last.key.clone());
    Ok(Page { objects, next })
}

fn walk(folder: &Path, objects: &mut Vec<Listed>) -> std::io::Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let entry = entry?;
            let (path, found) = (entry.path(), entry.metadata()?);
            let Some(key) = path.strip_prefix(folder).ok().and_then(Path::to_str) else { continue };
            let is_unfinished = entry.file_name().to_string_lossy().starts_with(UNFINISHED);
            if found.is_dir() {
                folders.push(path);
            } else if found.is_file() && !is_unfinished {
                objects.push(listed(key, &found));
            }
            if objects.len() + folders.len() > FILES_MAX {
                return Err(std::io::Error::other(format!("it has more than {FILES_MAX} files")));
            }
        }
    }
    Ok(())
}

fn listed(key: &str, found: &fs::Metadata) -> Listed {
    Listed {
        key: key.to_owned(),
        size: found.len(),
        // WHY: changes with the object, which is what it is for; a hash of the content would cost a read of it.
        etag: format!("\"{:08x}{:08x}{:016x}\"", found.mtime(), found.mtime_nsec(), found.len()),
        modified: found.mtime(),
        storage_class: "STANDARD".to_owned(),
    }
}

fn write(folder: &Path, key: &str, bytes: &[u8]) -> Result<(), Error> {
    let target = file(folder, key)?;
    let failed = |error: std::io::Error| Error(format!("The object {key} cannot be written: {error}."));
    let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else { return Ok(()) };
    fs::create_dir_all(parent).map_err(failed)?;
    let unfinished = parent.join(format!("{UNFINISHED}{}", name.to_string_lossy()));
    let mut file = fs::File::create(&unfinished).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&unfinished, &target).map_err(failed)?;
    // WHY: the name is durable only once its folder is.
    fs::File::open(parent).and_then(|folder| folder.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_written_is_read_and_listed_in_order() {
        let root = tempfile::tempdir().unwrap();
        let buckets = FolderBuckets::new(root.path());
        for key in ["b", "a/2", "a/1"] {
            buckets.put("bucket", key, key.as_bytes().to_vec()).await.unwrap();
        }
        assert_eq!(buckets.get("bucket", "a/2", None).await.unwrap(), b"a/2");
        let keys = |page: Page| page.objects.into_iter().map(|object| object.key).collect::<Vec<_>>();
        assert_eq!(keys(buckets.list("bucket", "", None).await.unwrap()), ["a/1", "a/2", "b"]);
        assert_eq!(keys(buckets.list("bucket", "a/", Some("a/1")).await.unwrap()), ["a/2"]);
    }

    #[tokio::test]
    async fn what_is_not_there_is_named_and_nothing_outside_is_reached() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("secret"), "s").unwrap();
        let buckets = FolderBuckets::new(root.path().join("buckets"));
        buckets.put("bucket", "a", Vec::new()).await.unwrap();
        let why = |read: Result<Vec<u8>, Error>| read.unwrap_err().0;
        assert_eq!(why(buckets.get("bucket", "b", None).await), "The specified key does not exist.");
        assert_eq!(why(buckets.get("other", "a", None).await), "The specified bucket does not exist");
        for (bucket, key) in
            [("bucket", "../../secret"), ("..", "secret"), ("bucket", "/etc/hostname"), ("", "a")]
        {
            assert!(buckets.get(bucket, key, None).await.is_err(), "{bucket} {key}");
            assert!(buckets.put(bucket, key, Vec::new()).await.is_err(), "{bucket} {key}");
        }
    }

    #[tokio::test]
    async fn long_listings_have_pages() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("bucket");
        fs::create_dir(&folder).unwrap();
        for number in 0..LISTED_MAX + 5 {
            fs::write(folder.join(format!("{number:05}")), "").unwrap();
        }
        let buckets = FolderBuckets::new(root.path());
        let first = buckets.list("bucket", "", None).await.unwrap();
        let second = buckets.list("bucket", "", first.next.as_deref()).await.unwrap();
        assert_eq!((first.objects.len(), second.objects.len(), second.next), (LISTED_MAX, 5, None));
    }
}
