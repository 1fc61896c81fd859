//! What a release is told before anything is changed.

use std::{fs, net::TcpListener};

use shipway_asl::Timestamp;
use shipway_control::{
    Millis,
    host::{Host, HostError, Route, ServiceId},
    release::{Release, Service},
};
use shipway_host::{Config, LocalHost};

use crate::{
    edge_kit::{Edge, free_port},
    host_kit::{FIXTURE, Machine, TOKEN, bad_release},
};

struct Checks {
    machine: Machine,
    edge: Edge,
    good: Release,
}

impl Checks {
    async fn new() -> Self {
        let machine = Machine::new();
        let edge =
            Edge::start_in(std::sync::Arc::clone(&machine.dir), shipway_host::edge::Limits::default()).await;
        let artifact_sha256 = machine.artifact(&[("bin/web", "#!/bin/sh\n"), ("text", "x")]).await;
        Self { machine, edge, good: release(artifact_sha256) }
    }

    async fn check(&self, change: impl FnOnce(&mut Release, &mut Service)) -> Result<(), HostError> {
        let mut release = self.good.clone();
        let mut web = release.services.remove("web").unwrap();
        change(&mut release, &mut web);
        release.services.insert("web".into(), web);
        self.machine.host.check(&release).await
    }

    async fn refuses(
        &self,
        change: impl FnOnce(&mut Release, &mut Service),
        expected_field: &str,
        expected_reason: &str,
    ) {
        let (field, reason) = bad_release(self.check(change).await);
        assert_eq!(field, expected_field);
        assert!(reason.contains(expected_reason), "{reason}");
    }
}

fn release(artifact_sha256: String) -> Release {
    let web: Service = serde_json::from_value(serde_json::json!({
        "command": "./bin/web --port $PORT",
        "port": free_port(),
        "health": {"path": "/health"},
    }))
    .unwrap();
    Release {
        release_id: "release-1".into(),
        project_name: "acme/shop".into(),
        config_name: "production".into(),
        version: "1.0.0".into(),
        commit: "0".repeat(40),
        subject: String::new(),
        author: String::new(),
        artifact_sha256,
        created_at: Timestamp(0),
        timeout: Millis::from_seconds(600),
        metadata: [].into(),
        services: [("web".to_owned(), web)].into(),
    }
}

#[tokio::test]
async fn a_good_release_passes_and_changes_nothing() {
    let checks = Checks::new().await;
    checks.check(|_, _| {}).await.unwrap();
    checks.check(|_, web| web.command = "sh -c true".into()).await.unwrap();
    checks.check(|_, web| web.command = "cd bin && ./web".into()).await.unwrap();
    checks.check(|_, web| web.command = FIXTURE.to_owned() + " serve").await.unwrap();
    assert!(checks.machine.host.groups("acme/shop", "production").await.unwrap().is_empty());
    assert!(!checks.machine.path().join("groups").exists());
    assert!(!checks.machine.path().join("fences").exists());
    checks.edge.stopped().await;
}

#[tokio::test]
async fn a_bad_command_is_named() {
    let checks = Checks::new().await;
    for (command, reason) in [
        ("./bin/none", "`./bin/none` is not in the artifact"),
        ("./text --x", "command not executable: `./text`; run `chmod +x ./text`"),
        ("./bin", "is a directory"),
        ("../web", "is not in the artifact"),
        ("surely-nobody-has-this", "is not found in PATH"),
        ("/nowhere/web", "cannot be used on this machine"),
        ("", "empty"),
    ] {
        checks.refuses(|_, web| web.command = command.into(), "services.web.command", reason).await;
    }
    let path_only = |_: &mut Release, web: &mut Service| {
        web.command = "sh".into();
        web.env = [("PATH".into(), "/nowhere".into())].into();
    };
    checks.refuses(path_only, "services.web.command", "is not found in PATH").await;
    checks.edge.stopped().await;
}

#[tokio::test]
async fn a_bad_field_is_named() {
    let checks = Checks::new().await;
    checks
        .refuses(
            |_, web| web.health.path = Some("health".into()),
            "services.web.health.path",
            "starts with `/`",
        )
        .await;
    checks.refuses(|_, web| web.processes = 0, "services.web.processes", "not in 1 to 64").await;
    checks.refuses(|_, web| web.port = Some(0), "services.web.port", "0 is not a port").await;
    checks
        .refuses(|_, web| web.listen = "localhost".into(), "services.web.listen", "is not an IP address")
        .await;
    checks
        .refuses(|_, web| web.listen = "192.0.2.1".into(), "services.web.listen", "not an address of this")
        .await;
    checks
        .refuses(|_, web| web.env = [("".into(), "".into())].into(), "services.web.env.", "not a name")
        .await;
    let twice = |release: &mut Release, web: &mut Service| {
        release.services.insert("api".into(), web.clone());
    };
    checks.refuses(twice, "services.web.port", "also the port of service `api`").await;
    checks.edge.stopped().await;
}

#[tokio::test]
async fn a_port_is_free_or_already_ours() {
    let checks = Checks::new().await;
    let port = checks.good.services["web"].port.unwrap();
    let stranger = TcpListener::bind(("127.0.0.1", port)).unwrap();
    checks.refuses(|_, _| {}, "services.web.port", "in use by another program").await;
    checks.refuses(|_, web| web.listen = "0.0.0.0".into(), "services.web.port", "in use").await;
    drop(stranger);
    let service = |name: &str| ServiceId {
        project: "acme/shop".into(),
        environment: "production".into(),
        service: name.into(),
    };
    let route = Route { service: service("web"), listen: "127.0.0.1".into(), port, targets: vec![] };
    checks.machine.host.set_route(&route, TOKEN).await.unwrap();
    checks.check(|_, _| {}).await.unwrap();
    checks.machine.host.remove_route(&route.service, TOKEN).await.unwrap();
    // A service that the release does not have gives its port up; one of another environment does not.
    let dropped = Route { service: service("api"), ..route.clone() };
    checks.machine.host.set_route(&dropped, TOKEN).await.unwrap();
    checks.check(|_, _| {}).await.unwrap();
    checks.machine.host.remove_route(&dropped.service, TOKEN).await.unwrap();
    let other = Route { service: ServiceId { environment: "staging".into(), ..service("api") }, ..route };
    checks.machine.host.set_route(&other, TOKEN).await.unwrap();
    checks.refuses(|_, _| {}, "services.web.port", "is the public port of acme/shop/staging/api").await;
    checks.edge.stopped().await;
}

#[tokio::test]
async fn a_missing_or_changed_artifact_is_named() {
    let checks = Checks::new().await;
    let missing = checks.check(|release, _| release.artifact_sha256 = "0".repeat(64)).await.unwrap_err();
    assert!(
        matches!(&missing, HostError::Artifact { reason, .. } if reason.contains("not on this machine")),
        "{missing}"
    );
    let path = checks.machine.path().join(format!("artifacts/{}.tar", checks.good.artifact_sha256));
    fs::remove_file(&path).unwrap();
    fs::write(&path, "changed").unwrap();
    let changed = checks.check(|_, _| {}).await.unwrap_err();
    assert!(
        matches!(&changed, HostError::Artifact { reason, .. } if reason.contains("changed on disk")),
        "{changed}"
    );
    checks.edge.stopped().await;
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = LocalHost::new(Config::new(&file, FIXTURE)).unwrap_err().to_string();
    assert!(refused.contains(&format!("create {}", file.display())), "{refused}");
}
