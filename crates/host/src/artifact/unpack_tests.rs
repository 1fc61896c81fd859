//! Artifacts that are good, and artifacts that are not.

use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::*;

enum Item<'a> {
    File(&'a str, u32, &'a [u8]),
    Dir(&'a str),
    Link(EntryType, &'a str, &'a str),
    Other(EntryType, &'a str),
}

/// Writes names as they are: the library would refuse those that the tests are about.
fn tar(items: &[Item<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for item in items {
        let mut header = Header::new_gnu();
        let (kind, name, mode, to, content) = match item {
            Item::File(name, mode, content) => (EntryType::Regular, name, *mode, "", *content),
            Item::Dir(name) => (EntryType::Directory, name, 0o755, "", &[][..]),
            Item::Link(kind, name, to) => (*kind, name, 0o777, *to, &[][..]),
            Item::Other(kind, name) => (*kind, name, 0o644, "", &[][..]),
        };
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..to.len()].copy_from_slice(to.as_bytes());
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }
    builder.into_inner().unwrap()
}

struct Try {
    dir: tempfile::TempDir,
    result: Result<(), HostError>,
}

fn try_unpack(tar: &[u8], sha256: &str) -> Try {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.tar"), tar).unwrap();
    let file = File::open(dir.path().join("a.tar")).unwrap();
    let result = unpack(file, sha256, &dir.path().join("app"));
    Try { dir, result }
}

fn refused(items: &[Item<'_>], expected: &str) {
    let tar = tar(items);
    let tried = try_unpack(&tar, &hex::encode(Sha256::digest(&tar)));
    match tried.result.unwrap_err() {
        HostError::Artifact { reason, .. } => assert!(reason.contains(expected), "{reason}"),
        other => panic!("{other}"),
    }
    let left: Vec<_> = fs::read_dir(tried.dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["a.tar"], "nothing is left of it");
}

#[test]
fn a_good_artifact_comes_out_as_it_went_in() {
    let tar = tar(&[
        Item::Dir("./"),
        Item::File("bin/web", 0o4755, b"#!/bin/sh\n"),
        Item::File("README", 0o600, b"text"),
        Item::Link(EntryType::Symlink, "bin/link", "../README"),
        Item::Link(EntryType::Link, "hard", "README"),
    ]);
    let tried = try_unpack(&tar, &hex::encode(Sha256::digest(&tar)));
    tried.result.unwrap();
    let app = tried.dir.path().join("app");
    let mode = |name: &str| fs::metadata(app.join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("bin/web"), mode("README")), (0o755, 0o644), "no set-uid");
    assert_eq!(fs::read_to_string(app.join("bin/link")).unwrap(), "text");
    assert_eq!(fs::read_to_string(app.join("hard")).unwrap(), "text");
}

#[test]
fn nothing_leaves_the_directory() {
    refused(&[Item::File("../evil", 0o644, b"x")], "`../evil` leads out");
    refused(&[Item::File("/tmp/evil", 0o644, b"x")], "leads out");
    refused(&[Item::File("a/../../evil", 0o644, b"x")], "leads out");
    refused(&[Item::Link(EntryType::Symlink, "l", "/etc")], "link `l` to `/etc` leads out");
    refused(&[Item::Link(EntryType::Symlink, "d/l", "../../x")], "leads out");
    refused(&[Item::Link(EntryType::Link, "l", "../x")], "leads out");
    refused(&[Item::Link(EntryType::Link, "l", "x")], "no file before it");
    refused(
        &[Item::Link(EntryType::Symlink, "d", "sub"), Item::File("d/f", 0o644, b"x")],
        "below something that is no directory",
    );
}

#[test]
fn only_files_directories_and_links_are_taken() {
    for kind in [EntryType::Block, EntryType::Char, EntryType::Fifo] {
        refused(&[Item::Other(kind, "dev")], "neither file, directory nor link");
    }
    refused(&[Item::File("a", 0o644, b"1"), Item::File("a", 0o644, b"2")], "`a` is there twice");
}

#[test]
fn a_changed_artifact_is_refused_before_it_is_there() {
    let good = tar(&[Item::File("a", 0o644, b"1")]);
    let sha256 = hex::encode(Sha256::digest(&good));
    for at in [0, 512, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let tried = try_unpack(&bad, &sha256);
        assert!(tried.result.unwrap_err().to_string().contains("changed on disk"));
        assert!(!tried.dir.path().join("app").exists());
    }
}
