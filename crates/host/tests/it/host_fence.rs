//! A holder of an older token changes nothing.

use shipway_control::host::{FencingToken, Host, HostError, Route};

use crate::{
    edge_kit::{Edge, free_port},
    host_kit::{Machine, SLEEPER, is_running},
};

#[tokio::test]
async fn a_stale_holder_is_refused_everywhere_and_changes_nothing() {
    let machine = Machine::new();
    let edge =
        Edge::start_in(std::sync::Arc::clone(&machine.dir), shipway_host::edge::Limits::default()).await;
    let start = machine.script("release-1", SLEEPER).await;
    let next = machine.script("release-2", SLEEPER).await;
    let group = machine.start(&start).await;
    machine.host.fence("acme/shop", "production", FencingToken(5)).await.unwrap();
    let service = start.group.service_id();
    let route =
        Route { service: service.clone(), listen: "127.0.0.1".into(), port: free_port(), targets: vec![] };
    let old = FencingToken(4);
    for machine in [&machine, &machine.again()] {
        let host = &machine.host;
        let refusals = [
            host.start_group(&next, old).await.map(drop),
            host.stop_group(&start.group, old).await,
            host.set_route(&route, old).await,
            host.remove_route(&service, old).await,
            host.prune("acme/shop", "production", &[], &[], old).await,
            host.fence("acme/shop", "production", old).await,
        ];
        for refused in refusals {
            assert_eq!(refused, Err(HostError::Stale { token: 4, highest: 5 }));
        }
        assert_eq!(host.groups("acme/shop", "production").await.unwrap(), std::slice::from_ref(&group));
        assert_eq!(host.route(&service).await.unwrap(), None);
    }
    assert!(is_running(&machine.process(&start).await));
    machine.host.fence("acme/shop", "staging", FencingToken(1)).await.unwrap();
    machine.host.stop_group(&start.group, FencingToken(6)).await.unwrap();
    edge.stopped().await;
}
