//! Artifacts: taken in, verified before each start, and forgotten.

use std::fs;

use shipway_control::host::{Host, HostError};

use crate::host_kit::{Machine, SLEEPER, TOKEN, is_running, tar};

fn artifact_error<T: std::fmt::Debug>(result: Result<T, HostError>) -> String {
    match result.unwrap_err() {
        HostError::Artifact { reason, .. } => reason,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_upload_is_taken_in_only_with_its_hash() {
    let machine = Machine::new();
    let sha256 = machine.artifact(&[("a", "1")]).await;
    assert!(machine.host.has_artifact(&sha256).await.unwrap());
    assert!(!machine.host.has_artifact(&"0".repeat(64)).await.unwrap());
    let upload = machine.host.artifact_upload().await.unwrap();
    fs::write(&upload, "something else").unwrap();
    let refused = artifact_error(machine.host.keep_artifact(&upload, &sha256).await);
    assert!(refused.contains("upload it again"), "{refused}");
    assert!(!upload.exists(), "it is removed");
    assert!(machine.host.has_artifact(&sha256).await.unwrap());
    assert_eq!(machine.artifact(&[("a", "1")]).await, sha256, "once more is no harm");
    let elsewhere = machine.path().join("elsewhere");
    fs::write(&elsewhere, "x").unwrap();
    machine.host.keep_artifact(&elsewhere, &sha256).await.unwrap_err();
    assert!(elsewhere.exists(), "only uploads are removed");
    for bad in ["", "../../x", &"A".repeat(64)] {
        machine.host.has_artifact(bad).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_changed_artifact_does_not_run() {
    let machine = Machine::new();
    let start = machine.script("release-1", SLEEPER).await;
    let path = machine.path().join(format!("artifacts/{}.tar", start.artifact_sha256));
    fs::remove_file(&path).unwrap();
    let missing = artifact_error(machine.host.start_group(&start, TOKEN).await);
    assert!(missing.contains("not on this machine"), "{missing}");
    fs::write(&path, tar(&[("run", "#!/bin/sh\nexec sleep 3000\n")])).unwrap();
    assert!(!machine.host.has_artifact(&start.artifact_sha256).await.unwrap());
    let changed = artifact_error(machine.host.start_group(&start, TOKEN).await);
    assert!(changed.contains("changed on disk"), "{changed}");
    assert!(!machine.app(&start, "run").exists());
    assert!(machine.host.groups("acme/shop", "production").await.unwrap().is_empty());
    machine.script("release-1", SLEEPER).await;
    assert!(is_running(&machine.start(&start).await.processes[0]), "uploaded again it runs");
}

#[tokio::test]
async fn what_was_changed_in_place_is_unpacked_anew() {
    let machine = Machine::new();
    let start = machine.script("release-1", SLEEPER).await;
    machine.start(&start).await;
    machine.stop(&start).await;
    fs::write(machine.app(&start, "run"), "#!/bin/sh\nexit 1\n").unwrap();
    fs::write(machine.app(&start, "extra"), "").unwrap();
    machine.start(&start).await;
    assert!(!machine.app(&start, "extra").exists());
    assert!(fs::read_to_string(machine.app(&start, "run")).unwrap().contains("sleep 1000"));
}

#[tokio::test]
async fn only_what_nobody_names_is_forgotten() {
    let machine = Machine::new();
    let running = machine.script("release-1", "exec sleep 1001").await;
    let kept = machine.script("release-2", "exec sleep 1002").await;
    let old = machine.script("release-3", "exec sleep 1003").await;
    let elsewhere = {
        let mut start = machine.script("release-4", "exec sleep 1004").await;
        start.group.environment = "staging".into();
        start
    };
    for start in [&running, &kept, &old, &elsewhere] {
        machine.start(start).await;
    }
    for start in [&kept, &old, &elsewhere] {
        machine.stop(start).await;
    }
    let waiting = machine.artifact(&[("waits", "for its deployment")]).await;
    let unnamed = machine.artifact(&[("nobody", "wants it")]).await;
    let keep = ["release-2".to_owned()];
    let waiting_too = std::slice::from_ref(&waiting);
    machine.host.prune("acme/shop", "production", &keep, waiting_too, TOKEN).await.unwrap();
    let releases: Vec<String> = machine
        .host
        .groups("acme/shop", "production")
        .await
        .unwrap()
        .into_iter()
        .map(|group| group.id.release_id)
        .collect();
    assert_eq!(releases, ["release-1", "release-2"], "what runs stays though nobody asked for it");
    assert!(is_running(&machine.process(&running).await));
    for (sha256, is_kept) in [
        (&running.artifact_sha256, true),
        (&kept.artifact_sha256, true),
        (&elsewhere.artifact_sha256, true),
        (&waiting, true),
        (&old.artifact_sha256, false),
        (&unnamed, false),
    ] {
        assert_eq!(machine.host.has_artifact(sha256).await.unwrap(), is_kept);
    }
}
