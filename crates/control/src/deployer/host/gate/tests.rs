//! Claims about gates: when they judge, what they say, and that a restart of the edge hides nothing.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

fn counts(requests: u64, server_errors: u64, failures: u64) -> Sums {
    Sums { requests, server_errors, failures, latency: Vec::new() }
}

fn check(sums: &Sums, expected: &Expect) {
    expected.assert_eq(&format!("{:?}", judge(&Gate::default(), sums)));
}

#[test]
fn too_few_requests_are_not_judged() {
    check(&counts(0, 0, 0), &expect![[r#"Insufficient("0 of 0 requests failed; 20 are needed to judge")"#]]);
    check(
        &counts(19, 19, 0),
        &expect![[r#"Insufficient("19 of 19 requests failed; 20 are needed to judge")"#]],
    );
}

#[test]
fn a_ratio_above_the_maximum_fails_and_says_what_was_counted() {
    check(&counts(100, 1, 0), &expect![[r#"Pass("1 of 100 requests failed")"#]]);
    check(
        &counts(99, 1, 1),
        &expect![[
            r#"Fail("2 of 100 requests failed (2.00 %; 1 with a 5xx answer, 1 without a whole answer), 1 % allowed")"#
        ]],
    );
}

#[test]
fn requests_without_an_answer_come_on_top_of_the_answered_ones() {
    check(
        &counts(10, 0, 10),
        &expect![[
            r#"Fail("10 of 20 requests failed (50.00 %; 0 with a 5xx answer, 10 without a whole answer), 1 % allowed")"#
        ]],
    );
}

#[test]
fn requests_without_an_answer_count_even_if_nothing_was_answered() {
    check(
        &counts(0, 0, 20),
        &expect![[
            r#"Fail("20 of 20 requests failed (100.00 %; 0 with a 5xx answer, 20 without a whole answer), 1 % allowed")"#
        ]],
    );
}

#[test]
fn a_slow_tail_fails_only_when_it_certainly_is_too_slow() {
    let at = |bucket: usize, slow: u64| {
        let mut latency = vec![0; LATENCY_BOUNDS_MICROS.len() + 1];
        latency[0] = 100 - slow;
        latency[bucket] = slow;
        Sums { requests: 100, latency, ..Sums::default() }
    };
    let gate = Gate { p99_max: Some(Millis(100)), ..Gate::default() };
    let bucket = LATENCY_BOUNDS_MICROS.iter().position(|bound| *bound == 102_400).unwrap();
    assert!(matches!(judge(&gate, &at(bucket, 2)), Verdict::Pass(_)), "72 to 102 ms may be below 100 ms");
    assert!(matches!(judge(&gate, &at(bucket + 1, 2)), Verdict::Fail(_)), "above 102 ms");
    assert!(matches!(judge(&gate, &at(bucket + 1, 1)), Verdict::Pass(_)), "one of a hundred is allowed");
    assert!(matches!(judge(&gate, &at(LATENCY_BOUNDS_MICROS.len(), 2)), Verdict::Fail(_)), "the last bucket");
}

fn traffic(epoch: u64, requests: u64, server_errors: u64) -> Traffic {
    let counts = Counts { requests, server_errors, ..Counts::default() };
    Traffic { epoch, releases: [("r".to_owned(), counts)].into() }
}

#[test]
fn a_window_counts_from_its_beginning_and_over_restarts_of_the_edge() {
    let mut window = Window::begin(&traffic(1, 50, 50), "r");
    window.observe(&traffic(1, 60, 51), "r");
    assert_eq!(window.sums(), counts(10, 1, 0));
    window.observe(&traffic(2, 3, 2), "r");
    assert_eq!(window.sums(), counts(13, 3, 0));
    window.observe(&traffic(2, 5, 2), "r");
    assert_eq!(window.sums(), counts(15, 3, 0));
}

proptest! {
    #[test]
    fn nothing_overflows(numbers in prop::collection::vec(any::<u64>(), 6), latency in prop::collection::vec(any::<u64>(), 0..50)) {
        let sums = Sums { requests: numbers[0], server_errors: numbers[1], failures: numbers[2], latency };
        let gate = Gate { p99_max: Some(Millis(numbers[3])), ..Gate::default() };
        let _ = judge(&gate, &sums);
        let mut window = Window::begin(&traffic(numbers[4], numbers[0], numbers[1]), "r");
        window.observe(&traffic(numbers[5], numbers[2], numbers[3]), "r");
        let _ = window.sums();
    }
}
