//! Reading real repositories, making artifacts, and the first `shipway.toml` of a project.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use expect_test::{Expect, expect};
use sha2::{Digest, Sha256};
use shipway_control::{
    config::{Build, Config, check_release},
    release::Release,
    source::{Error, Kind, Packed, Repo, detect, init_text, pack},
    version::of_head,
};

use crate::repository::Repository;

const TIME: i64 = 1_767_323_045_000;

fn build(command: &str, paths: &[&str]) -> Build {
    let command = (!command.is_empty()).then(|| command.to_owned());
    Build { command, paths: paths.iter().map(|path| (*path).to_owned()).collect() }
}

/// The artifact of HEAD, what it holds, and what the build said.
fn packed(repository: &Repository, build: &Build) -> Result<(Packed, Vec<String>, String), Error> {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("artifact.tar");
    let repo = repository.open();
    let mut said = Vec::new();
    let packed = pack(&repo, &repo.head()?, build, &file, &mut |piece| said.extend_from_slice(piece))?;
    let bytes = fs::read(&file).unwrap();
    assert_eq!(packed.bytes, bytes.len() as u64);
    assert_eq!(packed.sha256, hex::encode(Sha256::digest(&bytes)));
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1, "no other file is left");
    Ok((packed, entries(&bytes), String::from_utf8(said).unwrap()))
}

/// `mode kind path -> link`, one for each entry.
fn entries(tar: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().unwrap();
    let line = |entry: tar::Entry<'_, &[u8]>| {
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        assert_eq!(header.mtime().unwrap(), TIME as u64 / 1000);
        let link =
            entry.link_name().unwrap().map(|link| format!(" -> {}", link.display())).unwrap_or_default();
        format!("{:o} {}{link}", header.mode().unwrap(), entry.path().unwrap().display())
    };
    entries
        .map(|entry| entry.unwrap())
        .filter(|entry| !entry.header().entry_type().is_pax_global_extensions())
        .map(line)
        .collect()
}

#[test]
fn the_head_commit_is_read_whole() {
    let repository = Repository::new();
    let first = repository.write("a", "1").commit("feat: a");
    let second = repository.commit("fix: grüße\n\nbody: x\n\nRefs: #1");
    let head = repository.open().head().unwrap();
    assert_eq!((head.sha, head.parents), (second, vec![first]));
    assert_eq!((head.subject.as_str(), head.author.as_str(), head.time.0), ("fix: grüße", "Ana", TIME));
    assert_eq!(head.message.trim_end(), "fix: grüße\n\nbody: x\n\nRefs: #1");
}

#[test]
fn which_of_two_commits_came_first_is_known_where_both_are() {
    let repository = Repository::new();
    let first = repository.write("a", "1").commit("feat: a");
    let second = repository.commit("feat: b");
    let repo = repository.open();
    assert_eq!(repo.is_ancestor(&first, &second).unwrap(), Some(true));
    assert_eq!(repo.is_ancestor(&first, &first).unwrap(), Some(true));
    assert_eq!(repo.is_ancestor(&second, &first).unwrap(), Some(false));
    let elsewhere = "0123456789abcdef0123456789abcdef01234567";
    assert_eq!(repo.is_ancestor(&first, elsewhere).unwrap(), None);
    assert_eq!(repo.is_ancestor(elsewhere, &first).unwrap(), None);
}

#[test]
fn what_is_not_there_is_named_with_a_hint() {
    let directory = Repository::bare_directory();
    let error = Repo::open(directory.path()).unwrap_err();
    assert!(matches!(error, Error::NotARepository(_)), "{error}");
    assert!(error.hint().unwrap().starts_with("git init"));
    assert!(matches!(Repo::open(&directory.path().join("x")).unwrap_err(), Error::NotARepository(_)));
    let repository = Repository::new();
    let error = repository.open().head().unwrap_err();
    assert!(matches!(error, Error::NoCommit(_)), "{error}");
    repository.commit("a");
    for name in ["nothing", "--all", "0123456789abcdef0123456789abcdef01234567", ""] {
        let error = repository.open().commit(name).unwrap_err();
        assert!(matches!(error, Error::UnknownCommit(_)), "{name}: {error}");
    }
}

#[test]
fn only_changes_of_tracked_files_make_it_dirty() {
    let repository = Repository::new();
    repository.write("a b", "1").write("c", "1").commit("a");
    repository.write("untracked", "1");
    repository.open().check_clean().unwrap();
    repository.write("a b", "2");
    repository.write("c", "2").git(&["add", "c"]);
    assert_eq!(repository.open().changed_files().unwrap(), ["a b", "c"]);
    let error = repository.open().check_clean().unwrap_err();
    assert_eq!(error.to_string(), "2 tracked files differ from the commit, such as `a b`");
}

#[test]
fn files_of_a_commit_are_read_whatever_lies_in_the_work_tree() {
    let repository = Repository::new();
    let first = repository.write("sub/shipway.toml", "one").commit("a");
    repository.write("sub/shipway.toml", "two");
    let repo = Repo::open(&repository.path().join("sub")).unwrap();
    assert_eq!(repo.file(&first, "shipway.toml").unwrap().as_deref(), Some("one"));
    assert_eq!(repo.file(&first, "Procfile").unwrap(), None);
}

#[test]
fn without_a_build_the_artifact_is_the_commit() {
    let repository = Repository::new();
    repository.write("bin/run", "#!/bin/sh\n").write("text", "a\r\nb\n");
    fs::set_permissions(repository.path().join("bin/run"), fs::Permissions::from_mode(0o700)).unwrap();
    symlink("text", repository.path().join("link")).unwrap();
    repository.commit("feat: a");
    let before = packed(&repository, &Build::default()).unwrap();
    assert_eq!(before.1, ["755 bin/", "755 bin/run", "777 link -> text", "644 text"]);
    assert_eq!(before.0.files, 3);
    repository.write("text", "changed").write("more", "untracked");
    repository.git(&["config", "tar.umask", "0077"]);
    repository.git(&["config", "core.autocrlf", "true"]);
    assert_eq!(packed(&repository, &Build::default()).unwrap(), before, "only the commit counts");
}

#[test]
fn a_project_in_a_subdirectory_is_packed_alone() {
    let repository = Repository::new();
    repository.write("web/run", "1").write("api/run", "2").commit("a");
    let repo = Repo::open(&repository.path().join("web")).unwrap();
    let out = tempfile::NamedTempFile::new().unwrap();
    pack(&repo, &repo.head().unwrap(), &Build::default(), out.path(), &mut |_| {}).unwrap();
    assert_eq!(entries(&fs::read(out.path()).unwrap()), ["644 run"]);
}

#[test]
fn a_build_is_packed_by_its_paths_and_the_same_each_time() {
    let repository = Repository::new();
    repository.write("Procfile", "web: out/web\n").write("assets/b.css", "b").write("assets/a.css", "a");
    repository.write(".gitignore", "out\n").commit("a");
    let command = "mkdir -p out/x && echo built | tee out/web out/web.d && chmod 700 out/web && ln -sf web out/latest && echo warned >&2";
    let build = build(command, &["Procfile", "out/*", "./assets/"]);
    let (first, files, said) = packed(&repository, &build).unwrap();
    assert_eq!(said, "built\nwarned\n");
    assert_eq!(
        files,
        [
            "644 Procfile",
            "755 assets",
            "644 assets/a.css",
            "644 assets/b.css",
            "755 out/latest -> web",
            "755 out/web",
            "644 out/web.d",
            "755 out/x",
        ]
    );
    fs::set_permissions(repository.path().join("out/web"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(packed(&repository, &build).unwrap().0, first);
}

#[test]
fn everything_can_be_packed_but_not_git() {
    let repository = Repository::new();
    repository.write("a", "1").write(".env", "secret").write("d/.hidden", "2").commit("a");
    let names = |path| packed(&repository, &build("", &[path])).unwrap().1;
    assert_eq!(names("."), ["644 .env", "644 a", "755 d", "644 d/.hidden"]);
    assert_eq!(names("*"), ["644 a", "755 d", "644 d/.hidden"]);
}

#[test]
fn long_names_are_packed() {
    let repository = Repository::new();
    let name = format!("{}/{}", "d".repeat(120), "f".repeat(180));
    repository.write(&name, "1").commit("a");
    let files = packed(&repository, &build("", &["*"])).unwrap().1;
    assert_eq!(files[1], format!("644 {name}"));
}

#[test]
fn a_build_that_cannot_be_trusted_is_refused() {
    let repository = Repository::new();
    let first = repository.write("a", "1").commit("a");
    let failure = |build: &Build| packed(&repository, build).unwrap_err().to_string();
    assert_eq!(
        failure(&build("echo no; exit 3", &["a"])),
        "the build command `echo no; exit 3` failed: exit status: 3"
    );
    assert_eq!(failure(&build("true", &["a", "b*"])), "`b*` of `build.paths` does not exist");
    for path in ["/etc/passwd", "../x", "a/../../x", ".git/config"] {
        assert_eq!(
            failure(&build("", &[path])),
            format!("`{path}` of `build.paths` is not a path inside the project")
        );
    }
    repository.write("a", "2");
    assert_eq!(failure(&build("true", &["a"])), "1 tracked file differs from the commit, such as `a`");
    repository.commit("b");
    let repo = repository.open();
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("x.tar");
    let error =
        pack(&repo, &repo.commit(&first).unwrap(), &build("true", &["a"]), &file, &mut |_| {}).unwrap_err();
    assert!(matches!(error, Error::NotCheckedOut { .. }), "{error}");
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0, "nothing is left of a failure");
}

/// What a build leaves running keeps its output open; the build is over all the same.
#[test]
fn a_build_ends_when_its_command_ends() {
    let repository = Repository::new();
    repository.write("a", "1").commit("a");
    let (_, _, said) = packed(&repository, &build("sleep 20 & echo $! done", &["a"])).unwrap();
    assert!(said.ends_with(" done\n"), "{said}");
    let pid = said.split(' ').next().unwrap().to_owned();
    std::process::Command::new("kill").arg(pid).status().unwrap();
}

#[test]
fn a_target_that_cannot_be_written_is_named() {
    let repository = Repository::new();
    repository.write("a", "1").commit("a");
    let repo = repository.open();
    let error =
        pack(&repo, &repo.head().unwrap(), &Build::default(), Path::new("/nowhere/x.tar"), &mut |_| {});
    assert_eq!(error.unwrap_err().to_string(), "cannot write `/nowhere/x.tar`");
}

/// All of the way from a commit to what the API is asked for. What lies uncommitted does not matter.
#[test]
fn a_commit_becomes_a_release_that_is_accepted() {
    let repository = Repository::new();
    let text = "project = \"acme/shop\"\n[services.web]\nprocfile = \"web\"\nport = 8080\n";
    repository
        .write("shipway.toml", text)
        .write("Procfile", "web: ./web\n")
        .write("web", "x")
        .commit("feat: open");
    repository.write("Procfile", "web: ./other\n");
    let repo = repository.open();
    let head = repo.head().unwrap();
    let file = |path: &str| repo.file(&head.sha, path).unwrap();
    let config = Config::parse(&file("shipway.toml").unwrap(), Path::new("shipway.toml")).unwrap();
    let environment = config.environment(None).unwrap();
    let versioned = of_head(&repo, &config.rules).unwrap();
    let (packed, ..) = packed(&repository, &config.build).unwrap();
    let release = Release {
        release_id: "release-20260102T030405Z-abcdefg".to_owned(),
        project_name: config.project.clone(),
        config_name: environment.to_owned(),
        version: versioned.version.to_string(),
        commit: head.sha.clone(),
        subject: head.subject.clone(),
        author: head.author.clone(),
        artifact_sha256: packed.sha256,
        created_at: head.time,
        timeout: config.timeout(environment).unwrap(),
        metadata: BTreeMap::new(),
        services: config.release_services_with(environment, file("Procfile").as_deref()).unwrap(),
    };
    check_release(&release, head.time).unwrap();
    assert_eq!((release.version.as_str(), release.services["web"].command.as_str()), ("0.1.0", "./web"));
}

/// A directory named `shop` with these files.
fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, std::path::PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("Shop");
    fs::create_dir(&dir).unwrap();
    for (path, text) in files {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    (parent, dir)
}

/// The services, then the build, of a project; its first file must be a good one that says the same.
#[track_caller]
fn check(kind: Kind, files: &[(&str, &str)], expect: &Expect) {
    let (_parent, dir) = project(files);
    let detected = detect(&dir);
    assert_eq!((detected.kind, detected.project.as_str()), (kind, "shop"));
    let text = init_text(&detected);
    let config =
        Config::parse(&text, &dir.join("shipway.toml")).unwrap_or_else(|errors| panic!("{text}\n{errors:?}"));
    assert_eq!((config.project.as_str(), &config.build), ("shop", &detected.build.unwrap_or_default()));
    let services = config.release_services("production").unwrap();
    let mut lines: Vec<String> = services
        .iter()
        .map(|(name, service)| {
            format!("{name}: {} port {:?} {:?}\n", service.command, service.port, service.env)
        })
        .collect();
    if let Some(command) = &config.build.command {
        lines.push(format!("build: {command} => {}\n", config.build.paths.join(" ")));
    }
    expect.assert_eq(&lines.concat());
}

#[test]
fn procfiles_are_recognised() {
    check(
        Kind::Procfile,
        &[("Procfile", "web: bin/web\nmail_worker: bin/mail\nrelease: bin/migrate\n")],
        &expect![[r#"
            mail-worker: bin/mail port None {}
            web: bin/web port Some(8080) {}
        "#]],
    );
    check(
        Kind::Procfile,
        &[
            ("Procfile", "web: target/release/shop\n"),
            ("Cargo.toml", "[package]\nname = \"shop\"\n"),
            ("src/main.rs", ""),
        ],
        &expect![[r#"
            web: target/release/shop port Some(8080) {}
            build: cargo build --release => target/release/shop Procfile
        "#]],
    );
}

#[test]
fn rust_programs_are_recognised() {
    let package = "[package]\nname = \"shop\"\nversion = \"1.0.0\"\n";
    check(
        Kind::Cargo,
        &[("Cargo.toml", package), ("src/main.rs", ""), ("Cargo.lock", "")],
        &expect![[r#"
        web: target/release/shop port Some(8080) {}
        build: cargo build --release --locked => target/release/shop
    "#]],
    );
    check(
        Kind::Cargo,
        &[
            ("Cargo.toml", "[workspace]\nmembers = [\"crates/*\", \"tool\"]\n"),
            ("crates/api/Cargo.toml", "[package]\nname = \"shop-api\"\n[[bin]]\nname = \"server\"\n"),
            ("crates/lib/Cargo.toml", "[package]\nname = \"shop-lib\"\n"),
            ("crates/lib/src/lib.rs", ""),
            ("tool/Cargo.toml", "[package]\nname = \"tool\"\n"),
            ("tool/src/bin/mail_er.rs", ""),
        ],
        &expect![[r#"
            mail-er: target/release/mail_er port None {}
            server: target/release/server port Some(8080) {}
            build: cargo build --release => target/release/mail_er target/release/server
        "#]],
    );
}

#[test]
fn node_programs_are_recognised() {
    let start = "{\"scripts\": {\"start\": \"node x.js\", \"build\": \"tsc\"}}";
    check(
        Kind::Node,
        &[("package.json", start), ("package-lock.json", "{}")],
        &expect![[r#"
        web: npm start port Some(8080) {}
        build: npm ci && npm run build => *
    "#]],
    );
    check(
        Kind::Node,
        &[("package.json", "{}"), ("server.js", "")],
        &expect![[r#"
        web: node server.js port Some(8080) {}
        build: npm install --no-audit --no-fund => *
    "#]],
    );
}

#[test]
fn python_programs_are_recognised() {
    check(
        Kind::Python,
        &[("main.py", "")],
        &expect![[r#"
        web: python3 main.py port Some(8080) {}
    "#]],
    );
    check(
        Kind::Python,
        &[("app.py", ""), ("requirements.txt", "Flask\ngunicorn==22\n")],
        &expect![[r#"
        web: python3 -m gunicorn app:app --bind 127.0.0.1:$PORT port Some(8080) {"PYTHONPATH": "python_packages"}
        build: python3 -m pip install --quiet --upgrade --target python_packages -r requirements.txt => *
    "#]],
    );
    check(
        Kind::Python,
        &[("main.py", ""), ("requirements.txt", "fastapi\nuvicorn[standard]\n")],
        &expect![[r#"
        web: python3 -m uvicorn main:app --host 127.0.0.1 --port $PORT port Some(8080) {"PYTHONPATH": "python_packages"}
        build: python3 -m pip install --quiet --upgrade --target python_packages -r requirements.txt => *
    "#]],
    );
    check(
        Kind::Python,
        &[("manage.py", ""), ("shop/wsgi.py", ""), ("requirements.txt", "django\ngunicorn\n")],
        &expect![[r#"
            web: python3 -m gunicorn shop.wsgi --bind 127.0.0.1:$PORT port Some(8080) {"PYTHONPATH": "python_packages"}
            build: python3 -m pip install --quiet --upgrade --target python_packages -r requirements.txt => *
        "#]],
    );
    check(
        Kind::Python,
        &[("manage.py", "")],
        &expect![[r#"
        web: python3 manage.py runserver --noreload 127.0.0.1:$PORT port Some(8080) {}
    "#]],
    );
    check(
        Kind::Python,
        &[("pyproject.toml", "[project]\nname = \"my-shop\"\n")],
        &expect![[r#"
        web: python3 -m my_shop port Some(8080) {"PYTHONPATH": "python_packages"}
        build: python3 -m pip install --quiet --upgrade --target python_packages . => *
    "#]],
    );
}

#[test]
fn an_unknown_project_gets_a_template() {
    check(
        Kind::Unknown,
        &[],
        &expect![[r#"
        web: ./server port Some(8080) {}
    "#]],
    );
    check(
        Kind::Unknown,
        &[("Cargo.toml", "[package]\nname = \"lib\"\n"), ("package.json", "not json")],
        &expect![[r#"
            web: ./server port Some(8080) {}
        "#]],
    );
}

#[test]
fn the_first_file_explains_itself() {
    let (_parent, dir) = project(&[("Procfile", "web: bin/web\nworker: bin/worker\n")]);
    expect![[r##"
        #:schema https://shipway.dev/schema/shipway.json
        # the project is named `shop` after its directory
        # the Procfile has 2 services; `web` gets the port

        project = "shop"

        [services.web]
        procfile = "web"                 # the command is this line of the Procfile
        port = 8080                      # the public port; PORT is another one for each process
        # health = "/health"             # without it an accepted connection is enough

        [services.worker]
        procfile = "worker"              # the command is this line of the Procfile
        # port = 8081                    # only if others call it

        # [build]                        # without it the artifact is the whole commit
        # command = "make"
        # paths = ["out"]

        [environments.production]
        # bake = "30s"                   # watch a new version before the old one is stopped
        # shift = "canary"               # or a list: [{ percent = 5, hold = "1m" }, { percent = 50, hold = "1m" }]
        # gate = { error_ratio_max = 0.01, p99_max = "500ms" }
        # services.web = { processes = 4, env.LOG_LEVEL = "info" }

        # [release]                      # how commits become versions
        # tag_prefix = "v"
        # zero = "minor"                 # a breaking change below 1.0.0 moves the minor number
        # types = { deps = "patch" }     # besides feat, fix, perf and revert
    "##]].assert_eq(&init_text(&detect(&dir)));
}

#[test]
fn what_was_found_and_cannot_run_is_told() {
    let library = "[package]\nname = \"shop\"\n";
    for (files, said) in [
        (&[("Cargo.toml", library), ("src/lib.rs", "")][..], "Cargo.toml builds no program"),
        (&[("Cargo.toml", "[package")], "Cargo.toml is not TOML"),
        (&[("package.json", "{}")], "package.json has no script `start`"),
        (&[("package.json", "{")], "package.json is not JSON"),
        (&[("Procfile", "")], "the Procfile has no line of the form `web: command`"),
        (&[("Procfile", "no colon here\n")], "the Procfile has no line of the form `web: command`"),
        (&[("Procfile", "release: ./migrate\n")], "the Procfile has no line that is a service"),
        (&[("requirements.txt", "flask\n")], "requirements.txt is there, but no main.py"),
        (&[("README", "")], "no Procfile, Cargo.toml, package.json or Python program was found"),
    ] {
        let (_parent, dir) = project(files);
        let detected = detect(&dir);
        assert_eq!((detected.kind, detected.services.len()), (Kind::Unknown, 0), "{said}");
        let last = detected.reasons.last().unwrap();
        assert!(last.starts_with(said), "{last}");
        Config::parse(&init_text(&detected), Path::new("x")).unwrap();
    }
}

#[test]
fn a_broken_procfile_is_told_although_something_else_can_run() {
    let (_parent, dir) = project(&[("Procfile", ""), ("main.py", "")]);
    let detected = detect(&dir);
    assert_eq!(detected.kind, Kind::Python);
    assert!(detected.reasons.iter().any(|reason| reason.starts_with("the Procfile has no line")));
}

/// What the comments offer must work when it is taken.
#[test]
fn the_offers_in_the_first_file_are_good() {
    for files in [&[][..], &[("Procfile", "web: bin/web\nworker: bin/worker\n")], &[("main.py", "")]] {
        let (_parent, dir) = project(files);
        let detected = detect(&dir);
        let without_sign = |line: &str| match line.strip_prefix("# ") {
            Some(offer) if offer.contains(" = ") || offer.starts_with('[') => offer.to_owned(),
            _ => line.to_owned(),
        };
        let text: String = init_text(&detected).lines().map(|line| without_sign(line) + "\n").collect();
        let config =
            Config::parse(&text, Path::new("x")).unwrap_or_else(|errors| panic!("{text}\n{errors:?}"));
        let web = &config.release_services_with("production", Some("web: a\nworker: b")).unwrap()["web"];
        assert_eq!((web.processes, web.shift.steps.len(), web.env["LOG_LEVEL"].as_str()), (4, 1, "info"));
    }
}

#[test]
fn the_project_is_named_after_its_remote() {
    let repository = Repository::new();
    repository.git(&["remote", "add", "origin", "https://ana:secret@example.com/acme/shop.git"]);
    let detected = detect(repository.path());
    assert_eq!(detected.project, "acme/shop");
    assert!(!init_text(&detected).contains("secret"));
}

/// Names and commands with any character must not break the file.
#[test]
fn odd_commands_survive_the_first_file() {
    use shipway_control::source::{Detected, DetectedService};
    for odd in ["a \"b\" 'c'", "a\\b", "a\tb", "a\nb", "ä # b", "'''", "\"\"\"", "$PORT ${X:-}"] {
        let service = DetectedService {
            name: "web".to_owned(),
            command: odd.to_owned(),
            port: Some(8080),
            env: BTreeMap::from([("A".to_owned(), odd.to_owned())]),
            ..DetectedService::default()
        };
        let detected = Detected {
            project: "shop".to_owned(),
            kind: Kind::Unknown,
            services: vec![service],
            build: Some(build(odd, &["a b"])),
            reasons: vec![odd.to_owned()],
        };
        let text = init_text(&detected);
        let config =
            Config::parse(&text, Path::new("x")).unwrap_or_else(|errors| panic!("{text}\n{errors:?}"));
        let services = config.release_services("production").unwrap();
        assert_eq!((services["web"].command.as_str(), services["web"].env["A"].as_str()), (odd, odd));
        assert_eq!(config.build, build(odd, &["a b"]));
    }
}
