//! The server over PostgreSQL: deploys, is killed, goes on, and shares its database with nobody.

use rustix::process::Signal;

use crate::{postgres::Cluster, rig::World};

#[test]
fn a_server_over_postgres_deploys_on_after_it_and_the_database_were_killed() {
    let Some(cluster) = Cluster::start() else { return };
    let (world, other) = (World::new(), World::new());
    let serve = ["serve", "--database", &cluster.url()];
    let mut server = world.start(&serve);
    server.hear("serving");
    world.run(&["deploy"]).ends(0);
    other.run(&serve).ends(1).says(&["another server serves this database", "--database"]);
    server.signal(Signal::KILL);
    server.end();
    let mut server = world.start(&serve);
    server.hear("serving");
    let status = world.run(&["status", "--json"]).ends(0).json();
    assert!(status.to_string().contains("\"0.1.0\""), "{status}");
    cluster.kill();
    cluster.up();
    world.write("service.json", r#"{"greeting": "two"}"#);
    world.commit("feat: two");
    world.run(&["deploy"]).ends(0).says(&["0.2.0"]);
    server.signal(Signal::TERM);
    server.end().ends(0);
    assert!(!world.data().join("shipway.db").exists());
}

#[test]
fn a_database_that_cannot_be_used_is_named_without_its_password() {
    let world = World::new();
    let ran = world.run(&["serve", "--database", "postgres://me:secret@/x?host=/nowhere/at/all"]);
    let ran = ran.ends(1).says(&["/nowhere/at/all", "SHIPWAY_DATABASE_URL"]);
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
}
