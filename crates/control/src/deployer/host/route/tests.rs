//! Claims about shares of traffic and the steps of a shift.

use proptest::prelude::*;

use super::*;
use crate::{Millis, release::ShiftStep};

fn service(percents: &[u8]) -> Service {
    let mut service: Service =
        serde_json::from_value(serde_json::json!({"command": "run", "port": 9090})).unwrap();
    service.shift.steps =
        percents.iter().map(|percent| ShiftStep { percent: *percent, hold: Millis(1_000) }).collect();
    service
}

fn target(release_id: &str, weight: u32) -> Target {
    Target {
        release_id: release_id.to_owned(),
        version: "1.0.0".to_owned(),
        weight,
        ports: vec![1],
        health: HealthCheck::default(),
    }
}

fn route(targets: Vec<Target>) -> Route {
    let service =
        ServiceId { project: "p".to_owned(), environment: "e".to_owned(), service: "web".to_owned() };
    Route { service, listen: "127.0.0.1".to_owned(), port: 8080, targets }
}

fn at(percent: u8, old: Option<&Route>) -> (u16, Vec<(String, u32)>) {
    let targets = old.map(|old| old.targets.clone()).unwrap_or_default();
    let id = route(Vec::new()).service;
    let route = at_step(id, &service(&[]), 9090, target("new", 0), old, targets, percent);
    (route.port, route.targets.into_iter().map(|target| (target.release_id, target.weight)).collect())
}

#[test]
fn steps_are_taken_in_order_when_their_hold_is_over() {
    let service = service(&[10, 50]);
    assert_eq!(next(&service, None, 0, true), Move::To(0));
    assert_eq!(next(&service, Some(0), 999, true), Move::Stay);
    assert_eq!(next(&service, Some(0), 1_000, true), Move::To(1));
    assert_eq!(next(&service, Some(1), 1_000, true), Move::To(2));
    assert_eq!(next(&service, Some(2), 9_999, true), Move::Stay);
}

#[test]
fn a_version_that_does_not_serve_gets_no_share() {
    let service = service(&[10, 50]);
    assert_eq!(next(&service, None, 0, false), Move::To(2));
    assert_eq!(next(&service, Some(0), 0, false), Move::To(2));
}

#[test]
fn without_steps_all_traffic_moves_at_once() {
    assert_eq!(next(&service(&[]), None, 0, true), Move::To(0));
    assert_eq!(percent(&service(&[]), 0), 100);
}

#[test]
fn the_public_address_changes_with_the_last_step() {
    let old = route(vec![target("old", 100)]);
    assert_eq!(at(10, Some(&old)), (8080, vec![("new".to_owned(), 1_000), ("old".to_owned(), 9_000)]));
    assert_eq!(at(100, Some(&old)), (9090, vec![("new".to_owned(), 10_000), ("old".to_owned(), 0)]));
}

#[test]
fn a_first_version_gets_everything() {
    assert_eq!(at(10, None), (9090, vec![("new".to_owned(), 100)]));
}

proptest! {
    #[test]
    fn shares_are_exactly_what_was_asked_for(percent in any::<u8>(), weights in prop::collection::vec(any::<u32>(), 1..5)) {
        let old = route(weights.iter().map(|weight| target("old", *weight)).collect());
        let (_, shares) = at(percent.min(100), Some(&old));
        let all: u64 = shares.iter().map(|(_, weight)| u64::from(*weight)).sum();
        prop_assert_eq!(u64::from(shares[0].1) * 100, all * u64::from(percent.min(100)));
    }
}
