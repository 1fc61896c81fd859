//! Claims about the lock's decisions: tables, and a model over all interleavings of random requests.

use proptest::prelude::*;

use super::*;

fn claim(holder: &str) -> Claim {
    Claim {
        holder: holder.to_owned(),
        execution_arn: format!("arn:{holder}"),
        actor: "ana".to_owned(),
        reason: None,
    }
}

fn held(holder: &str, version: u64, now: i64) -> State {
    match grant(claim(holder), version, Timestamp(now)) {
        Decision::Write(state) => state,
        Decision::Keep => State::Free,
    }
}

fn acquire(holder: &str, present: Holder) -> Request {
    Request::Acquire { claim: claim(holder), present }
}

const LATE: Timestamp = Timestamp(LEASE_MILLIS as i64 + 1);

#[test]
fn a_running_holder_is_not_taken_over_even_after_its_lease() {
    let state = held("a", 0, 0);
    let refusal = decide(&state, 1, acquire("b", Holder::Running), LATE).unwrap_err();
    assert!(matches!(refusal, Refusal::Held(hold) if hold.holder == "a"));
}

#[test]
fn an_ended_holder_is_taken_over_only_after_its_lease() {
    let state = held("a", 0, 0);
    decide(&state, 1, acquire("b", Holder::Ended), Timestamp(1)).unwrap_err();
    assert_eq!(
        decide(&state, 1, acquire("b", Holder::Ended), LATE),
        Ok(Decision::Write(held("b", 1, LATE.0)))
    );
}

#[test]
fn a_dirty_end_keeps_the_lock_until_it_is_broken() {
    let state = held("a", 0, 0);
    decide(&state, 1, acquire("b", Holder::EndedDirty), LATE).unwrap_err();
    assert_eq!(
        decide(&state, 1, Request::Break { present: Holder::EndedDirty }, LATE),
        Ok(Decision::Write(State::Free))
    );
}

#[test]
fn a_running_holder_is_not_broken() {
    decide(&held("a", 0, 0), 1, Request::Break { present: Holder::Running }, LATE).unwrap_err();
}

#[test]
fn release_is_idempotent_and_only_the_holders() {
    let release = |holder: &str| Request::Release { holder: holder.to_owned() };
    assert_eq!(decide(&State::Free, 3, release("a"), LATE), Ok(Decision::Keep));
    assert_eq!(decide(&held("b", 0, 0), 1, release("a"), LATE), Ok(Decision::Keep));
    assert_eq!(decide(&held("a", 0, 0), 1, release("a"), LATE), Ok(Decision::Write(State::Free)));
}

#[test]
fn a_refusal_names_holder_actor_and_time() {
    let refusal = decide(&held("a", 0, 0), 1, acquire("b", Holder::Running), Timestamp(5)).unwrap_err();
    expect_test::expect!["is held by deployment `a` of `ana` since 1970-01-01T00:00:00.000Z"]
        .assert_eq(&refusal.to_string());
}

/// One step of the model: who does what, how much time passes, how the present holder stands.
fn requests() -> impl Strategy<Value = (u8, u8, u64, u8)> {
    (0_u8..4, 0_u8..3, 0_u64..LEASE_MILLIS, 0_u8..3)
}

proptest! {
    #[test]
    fn tokens_only_grow_and_a_holder_changes_only_by_right(steps in prop::collection::vec(requests(), 1..60)) {
        let (mut state, mut version, mut now) = (State::Free, 0_u64, Timestamp(0));
        let mut highest = FencingToken(0);
        for (kind, who, passes, present) in steps {
            now = now.plus_millis(passes);
            let holder = ["a", "b", "c"][usize::from(who)].to_owned();
            let present = [Holder::Running, Holder::Ended, Holder::EndedDirty][usize::from(present)];
            let request = match kind {
                0 => Request::Acquire { claim: claim(&holder), present },
                1 => Request::Renew { holder: holder.clone() },
                2 => Request::Release { holder: holder.clone() },
                _ => Request::Break { present },
            };
            let Ok(Decision::Write(next)) = decide(&state, version, request.clone(), now) else { continue };
            match (&state, &next) {
                (State::Held(old), State::Held(new)) if old.holder == new.holder => {
                    prop_assert_eq!(old.token, new.token);
                    prop_assert!(new.expires_at >= old.expires_at);
                }
                (State::Held(old), State::Held(new)) => {
                    prop_assert!(old.expires_at <= now && present == Holder::Ended);
                    prop_assert!(new.token > old.token);
                }
                (State::Held(old), State::Free) => {
                    let is_right = match request {
                        Request::Release { holder } => holder == old.holder,
                        Request::Break { present } => present != Holder::Running,
                        Request::Acquire { .. } | Request::Renew { .. } => false,
                    };
                    prop_assert!(is_right);
                }
                (State::Free, State::Held(new)) => prop_assert!(new.token > highest),
                (State::Free, State::Free) => prop_assert!(false, "a free lock is not written"),
            }
            if let State::Held(hold) = &next {
                prop_assert!(hold.token >= highest);
                highest = hold.token;
            }
            (state, version) = (next, version + 1);
        }
    }
}
