//! boto3 and the AWS CLI against the real server: all actions of Step Functions, unchanged. Skips where they cannot be
//! installed.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::process::Signal;

use crate::rig::World;

/// The version whose service model the tour walks.
const BOTO3: &str = "boto3==1.44.5";
/// The AWS CLI over the same botocore.
const AWSCLI: &str = "awscli==1.46.3";

/// A Python with boto3 and the AWS CLI, kept beside the build for the next run.
pub fn python() -> Option<PathBuf> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("boto3");
    let python = home.join("bin/python");
    let has_boto3 = || {
        let import =
            Command::new(&python).args(["-c", "import boto3, awscli"]).stderr(Stdio::null()).status();
        import.is_ok_and(|status| status.success())
    };
    let run = |program: &Path, arguments: &[&str]| {
        let ran = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
        ran.is_ok_and(|status| status.success())
    };
    // WHY: tests run side by side, and one of them installs for all.
    let lock = std::fs::File::create(home.with_extension("lock")).ok()?;
    lock.lock().ok()?;
    if !has_boto3() {
        let home = home.to_str()?;
        run(Path::new("python3"), &["-m", "venv", home]).then_some(())?;
        run(&python, &["-m", "pip", "install", "--quiet", BOTO3, AWSCLI]).then_some(())?;
    }
    has_boto3().then_some(python)
}

#[test]
fn boto3_drives_every_action() {
    let Some(python) = python() else {
        println!("skipped: boto3 cannot be installed here");
        return;
    };
    let world = World::new();
    let mut server = world.start(&["serve", "--listen", "127.0.0.1:0", "--no-auth", "--region", "us-east-1"]);
    server.hear("serving");
    let record = std::fs::read_to_string(world.data().join("server.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let tour = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/boto3_tour.py");
    let toured = Command::new(python).arg(tour).arg(record["url"].as_str().unwrap()).output().unwrap();
    let told = String::from_utf8_lossy(&toured.stderr);
    assert!(toured.status.success(), "{told}");
    assert_eq!(String::from_utf8_lossy(&toured.stdout).trim(), "37");
    server.signal(Signal::TERM);
    server.end().ends(0);
}

#[test]
fn the_aws_cli_drives_every_action() {
    let Some(python) = python() else {
        println!("skipped: the AWS CLI cannot be installed here");
        return;
    };
    let world = World::new();
    let mut server = world.start(&["serve", "--listen", "127.0.0.1:0", "--no-auth", "--region", "us-east-1"]);
    server.hear("serving");
    let record = std::fs::read_to_string(world.data().join("server.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let tour = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/awscli_tour.py");
    let toured = Command::new(python).arg(tour).arg(record["url"].as_str().unwrap()).output().unwrap();
    assert!(toured.status.success(), "{}", String::from_utf8_lossy(&toured.stderr));
    assert_eq!(String::from_utf8_lossy(&toured.stdout).trim(), "37");
    server.signal(Signal::TERM);
    server.end().ends(0);
}

#[test]
fn boto3_signs_with_a_key_and_is_refused_with_a_wrong_one() {
    let Some(python) = python() else {
        println!("skipped: boto3 cannot be installed here");
        return;
    };
    let world = World::new();
    let mut server = world.start(&["serve", "--listen", "127.0.0.1:0", "--region", "eu-west-1"]);
    server.hear("serving");
    let record = std::fs::read_to_string(world.data().join("server.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let key = world.run(&["key", "create", "--json"]).ends(0).json();
    let disabled = world.run(&["key", "create", "--json"]).ends(0).json();
    world.run(&["key", "disable", disabled["id"].as_str().unwrap()]).ends(0);
    let words =
        [&record["url"], &key["region"], &key["id"], &key["secret"], &disabled["id"], &disabled["secret"]];
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/boto3_signed.py");
    let arguments = words.map(|word| word.as_str().unwrap());
    let signed = Command::new(python).arg(script).args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&signed.stderr);
    assert!(signed.status.success(), "{told}");
    assert_eq!(String::from_utf8_lossy(&signed.stdout).trim(), "signed");
    let listed = world.run(&["key", "list", "--json"]).ends(0).json();
    let used = listed["keys"].as_array().unwrap().iter().find(|listed| listed["id"] == key["id"]).unwrap();
    assert!(used["last_used_at"].is_i64(), "{used}");
    server.signal(Signal::TERM);
    server.end().ends(0);
}
