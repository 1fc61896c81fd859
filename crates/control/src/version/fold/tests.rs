//! Tests of the fold and batch rules.

use expect_test::{Expect, expect};

use super::*;

fn changes(messages: &[&str]) -> Vec<Change> {
    let change =
        |(at, message): (usize, &&str)| Change { sha: format!("{at:040x}"), message: (*message).to_owned() };
    messages.iter().enumerate().map(change).collect()
}

#[track_caller]
fn check(base: &str, zero: Zero, messages: &[&str], expect: &Expect) {
    let rules = Rules { zero, ..Rules::default() };
    let steps = fold(&base.parse().unwrap(), &changes(messages), &rules);
    let lines: Vec<String> =
        steps.iter().map(|step| format!("{} <- {} ({})\n", step.version, step.title, step.reason)).collect();
    expect.assert_eq(&lines.concat());
}

#[test]
fn each_commit_moves_the_version_of_the_one_before() {
    check(
        "1.2.3",
        Zero::Minor,
        &["fix: a", "feat: b", "docs: c", "Merge branch 'x'", "feat!: d", "Revert \"feat!: d\""],
        &expect![[r#"
            1.2.4 <- fix: a (type `fix`: patch)
            1.3.0 <- feat: b (type `feat`: minor)
            1.3.1 <- docs: c (type `docs` is not in the table, `default_bump`: patch)
            1.3.2 <- Merge branch 'x' (no type in the title, `default_bump`: patch)
            2.0.0 <- feat!: d (breaking change: major)
            2.0.1 <- Revert "feat!: d" (type `revert`: patch)
        "#]],
    );
}

#[test]
fn without_a_tag_the_first_feature_is_0_1_0() {
    check(
        "0.0.0",
        Zero::Minor,
        &["Initial commit", "feat: a", "fix!: b", "feat: c"],
        &expect![[r#"
            0.0.1 <- Initial commit (no type in the title, `default_bump`: patch)
            0.1.0 <- feat: a (type `feat`: minor)
            0.2.0 <- fix!: b (breaking change: minor instead of major, since the version is 0.x and `zero = "minor"`)
            0.3.0 <- feat: c (type `feat`: minor)
        "#]],
    );
}

#[test]
fn the_zero_policy_is_named_where_it_decides() {
    check(
        "0.4.2",
        Zero::Shift,
        &["feat: a", "feat!: b"],
        &expect![[r#"
            0.4.3 <- feat: a (type `feat`: patch instead of minor, since the version is 0.x and `zero = "shift"`)
            0.5.0 <- feat!: b (breaking change: minor instead of major, since the version is 0.x and `zero = "shift"`)
        "#]],
    );
    check(
        "0.4.2",
        Zero::Major,
        &["feat!: b", "feat: c"],
        &expect![[r#"
            1.0.0 <- feat!: b (breaking change: major)
            1.1.0 <- feat: c (type `feat`: minor)
        "#]],
    );
}

#[test]
fn versions_only_grow_along_the_fold() {
    let messages = ["feat: a", "fix: b", "x", "feat!: c", "revert: d", "docs: e", "BREAKING CHANGE: f"];
    for base in ["0.0.0", "0.9.9", "1.0.0-rc.1", "3.2.1"] {
        for zero in [Zero::Major, Zero::Minor, Zero::Shift] {
            let rules = Rules { zero, ..Rules::default() };
            let mut last: Version = base.parse().unwrap();
            for step in fold(&last.clone(), &changes(&messages), &rules) {
                assert!(step.version > last, "{last} -> {step:?}");
                last = step.version;
            }
        }
    }
}

#[test]
fn a_prefix_of_the_commits_gives_a_prefix_of_the_versions() {
    let all = changes(&["feat: a", "fix: b", "x", "feat!: c"]);
    let (base, rules) = (Version::new(1, 0, 0), Rules::default());
    let whole = fold(&base, &all, &rules);
    for n in 0..all.len() {
        assert_eq!(fold(&base, &all[..n], &rules), whole[..n]);
    }
}

#[test]
fn in_a_batch_a_revert_cancels_what_it_names() {
    let rules = Rules { default_bump: Bump::None, ..Rules::default() };
    let base = Version::new(1, 0, 0);
    let revert = |at: usize| format!("Revert \"x\"\n\nThis reverts commit {at:040x}.");
    let bump = |messages: &[&str]| batch(&base, &changes(messages), &rules).0;
    assert_eq!(bump(&["docs: a", "feat: b", &revert(1)]), Bump::None);
    assert_eq!(bump(&["fix: a", "feat!: b", &revert(1)]), Bump::Patch);
    assert_eq!(bump(&["docs: a", "feat: b", &revert(1), &revert(2)]), Bump::Minor);
    assert_eq!(bump(&["docs: a", &revert(99)]), Bump::Patch);
    assert_eq!(bump(&[]), Bump::None);
}
