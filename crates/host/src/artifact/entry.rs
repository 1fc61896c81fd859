//! Which entries of an artifact are taken: files, directories, and links that stay inside. Pure.
//!
//! A symbolic link's target is `../` some times, not more often than the link is deep, and then plain names. With
//! `..` only at its start, and no file ever written through a link, a chain of links cannot leave the directory.

use std::{
    io::Read,
    path::{Component, Path, PathBuf},
};

use tar::{Entry, EntryType};

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file of so many bytes.
    File {
        is_executable: bool,
        size: u64,
    },
    Directory,
    /// To a path as it stands in the link.
    Symlink(PathBuf),
    /// To an earlier file, by its path in the artifact.
    Hardlink(PathBuf),
}

/// An entry that may be unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vetted {
    /// Plain names only; empty for the artifact's own directory.
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
}

/// Vets one entry; `None` for those that only carry metadata.
pub(crate) fn vet<R: Read>(entry: &Entry<'_, R>) -> Result<Option<Vetted>, String> {
    let name = entry.path().map_err(|error| format!("an entry's name cannot be read: {error}"))?;
    let path = plain(&name).ok_or_else(|| format!("`{}` leads out of the directory", name.display()))?;
    let kind = match entry.header().entry_type() {
        EntryType::XGlobalHeader => return Ok(None),
        EntryType::Regular | EntryType::Continuous => {
            let mode = entry.header().mode().map_err(|error| format!("`{}`: {error}", name.display()))?;
            Kind::File { is_executable: mode & 0o111 != 0, size: entry.size() }
        }
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink(symlink_target(&path, target(entry, &name)?)?),
        EntryType::Link => {
            let to = target(entry, &name)?;
            let inside = plain(&to).filter(|to| !to.as_os_str().is_empty());
            Kind::Hardlink(inside.ok_or_else(|| leads_out(&path, &to))?)
        }
        other => return Err(format!("`{}` is neither file, directory nor link ({other:?})", name.display())),
    };
    if path.as_os_str().is_empty() && kind != Kind::Directory {
        return Err("an entry without a name".to_owned());
    }
    Ok(Some(Vetted { path, kind }))
}

/// The path of plain names only; `None` if it is absolute or goes up.
pub(crate) fn plain(path: &Path) -> Option<PathBuf> {
    path.components()
        .filter(|component| *component != Component::CurDir)
        .map(|component| match component {
            Component::Normal(name) => Some(name),
            Component::Prefix(_) | Component::RootDir | Component::ParentDir | Component::CurDir => None,
        })
        .collect()
}

fn target<R: Read>(entry: &Entry<'_, R>, name: &Path) -> Result<PathBuf, String> {
    match entry.link_name() {
        Ok(Some(to)) => Ok(to.into_owned()),
        Ok(None) => Err(format!("link `{}` leads nowhere", name.display())),
        Err(error) => Err(format!("link `{}`: {error}", name.display())),
    }
}

fn symlink_target(link: &Path, to: PathBuf) -> Result<PathBuf, String> {
    let depth = link.components().count().saturating_sub(1);
    let ups = to.components().take_while(|component| *component == Component::ParentDir).count();
    let rest: PathBuf = to.components().skip(ups).collect();
    if ups <= depth && plain(&rest).is_some() { Ok(to) } else { Err(leads_out(link, &to)) }
}

fn leads_out(link: &Path, to: &Path) -> String {
    format!("link `{}` to `{}` leads out of the directory", link.display(), to.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_that_stay_inside_are_taken() {
        for (link, to) in [("a", "b"), ("a", "./b/c"), ("d/a", "../b"), ("d/e/a", "../../b"), ("a", ".")] {
            symlink_target(Path::new(link), to.into()).unwrap();
        }
        for (link, to) in [("a", "/etc"), ("a", ".."), ("d/a", "../../b"), ("a", "b/../.."), ("a", "b/..")] {
            symlink_target(Path::new(link), to.into()).unwrap_err();
        }
    }

    #[test]
    fn plain_paths_have_names_only() {
        assert_eq!(plain(Path::new("./a/./b")), Some("a/b".into()));
        for bad in ["/a", "../a", "a/../b"] {
            assert_eq!(plain(Path::new(bad)), None);
        }
    }
}
