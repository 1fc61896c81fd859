//! Versions: held to the recorded cases of other tools and of real histories, and to real repositories.

use std::{collections::BTreeMap, path::PathBuf};

use expect_test::expect;
use semver::Version;
use serde_json::Value;
use shipway_control::{
    source::Error,
    version::{Bump, Change, Message, Rules, Zero, batch, judge, of_head},
};

use crate::repository::Repository;

/// The recorded cases of a file; none if they are not on this machine.
fn cases(file: &str) -> Option<Vec<Value>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/release");
    let path = folder.join(format!("{file}.shared.json"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: no {}", path.display());
        return None;
    };
    let mut file: Value = serde_json::from_str(&text).unwrap();
    Some(serde_json::from_value(file["items"].take()).unwrap())
}

/// Checks all cases that `check` judges, shows the first that fail, and holds the number to a floor.
fn hold(file: &str, floor: usize, check: impl Fn(&Value) -> Option<Result<(), String>>) {
    let Some(cases) = cases(file) else { return };
    let judged: Vec<(&Value, Result<(), String>)> =
        cases.iter().filter_map(|case| check(case).map(|result| (case, result))).collect();
    let failed: Vec<String> = judged
        .iter()
        .filter_map(|(case, result)| Some(format!("{}: {}", case["id"], result.as_ref().err()?)))
        .collect();
    eprintln!(
        "{file}: {} of {} judged cases hold, of {}",
        judged.len() - failed.len(),
        judged.len(),
        cases.len()
    );
    assert!(failed.is_empty(), "{} fail:\n{}", failed.len(), failed[..failed.len().min(10)].join("\n"));
    assert!(judged.len() >= floor, "{} cases were judged, {floor} are expected", judged.len());
}

fn equal<T: PartialEq + std::fmt::Debug>(ours: &T, theirs: &T) -> Result<(), String> {
    if ours == theirs { Ok(()) } else { Err(format!("{ours:?} instead of {theirs:?}")) }
}

fn library() -> Rules {
    Rules { default_bump: Bump::None, zero: Zero::Major, ..Rules::default() }
}

fn changes(case: &Value) -> Vec<Change> {
    let commits = case["commits"].as_array().unwrap().iter().enumerate();
    commits
        .map(|(at, commit)| {
            let id = commit.get("sha").or_else(|| commit.get("hash")).and_then(Value::as_str);
            let sha = id.map_or_else(|| format!("{at:040x}"), str::to_owned);
            Change { sha, message: commit["message"].as_str().unwrap().to_owned() }
        })
        .collect()
}

fn bump(name: &Value) -> Bump {
    match name {
        Value::Null => Bump::None,
        name => serde_json::from_value(name.clone()).unwrap(),
    }
}

#[test]
fn messages_are_read_as_all_reference_parsers_do() {
    hold("parse_consensus", 630, |case| {
        let message = Message::parse(case["message"].as_str()?);
        let expect = &case["expect"];
        if expect["conventional"] == false {
            return Some(equal(&message.kind, &None));
        }
        let text = |key: &str| expect[key].as_str().map(str::to_owned);
        let ours = (message.kind, message.scope, Some(message.description), message.is_breaking);
        let theirs = (text("type"), text("scope"), text("description"), expect["breaking"] == true);
        Some(equal(&ours, &theirs))
    });
}

#[test]
fn where_parsers_disagree_the_safe_reading_is_taken() {
    hold("parse_disagreements", 18, |case| {
        let message = Message::parse(case["message"].as_str()?);
        let ours = (message.is_conventional(), message.is_breaking);
        let recommended = &case["recommended"];
        Some(equal(&ours, &(recommended["conventional"] == true, recommended["breaking"] == true)))
    });
}

#[test]
fn the_specifications_examples_are_read_with_bodies_and_footers() {
    hold("suite_strict_parsers", 14, |case| {
        let expect = &case["expect"];
        let is_spec = case["suite"].as_str()?.starts_with("Conventional Commits") && expect["ok"] == true;
        let is_plain = expect["footers"].as_array().is_some_and(Vec::is_empty) && expect["ok"] == true;
        if !is_spec && !is_plain {
            return None;
        }
        let message = Message::parse(case["message"].as_str()?);
        let text = |key: &str| expect[key].as_str().unwrap_or_default().to_owned();
        let footers: Vec<(String, String)> =
            message.footers.into_iter().map(|f| (f.token, f.value)).collect();
        let theirs = expect["footers"].as_array()?.iter();
        let theirs: Vec<(String, String)> = theirs
            .map(|f| (f[0].as_str().unwrap().to_owned(), f[2].as_str().unwrap().trim().to_owned()))
            .collect();
        let ours = (
            message.kind.unwrap_or_default(),
            message.description,
            message.body,
            message.is_breaking,
            footers,
        );
        Some(equal(
            &ours,
            &(
                text("type").to_lowercase(),
                text("description"),
                text("body"),
                expect["breaking"] == true,
                theirs,
            ),
        ))
    });
}

#[test]
fn real_releases_had_the_bump_that_the_batch_rule_gives() {
    hold("history", 976, |case| {
        let mut changes = changes(case);
        changes.reverse();
        let base =
            Version::parse(case["from"].as_str()?.trim_start_matches('v')).unwrap_or(Version::new(1, 0, 0));
        Some(equal(&batch(&base, &changes, &library()).0, &bump(&case["expect_bump"])))
    });
}

#[test]
fn real_releases_below_one_had_the_bump_of_the_minor_policy() {
    hold("history_zerover", 3, |case| {
        let mut changes = changes(case);
        changes.reverse();
        let base = Version::parse(case["from"].as_str()?.trim_start_matches('v')).ok()?;
        let rules = Rules { zero: Zero::Minor, ..library() };
        Some(equal(&batch(&base, &changes, &rules).0, &bump(&case["expect_bump"])))
    });
}

/// Rules for the options of a case; none if they ask for what is not offered: pre-release channels, forced versions.
fn rules_of(case: &Value) -> Option<Rules> {
    let mut rules = library();
    let options = &case["options"];
    if options["prerelease"] == true
        || case["prerelease"] == true
        || case["input"]["branch"]["type"] == "prerelease"
    {
        return None;
    }
    if options["keep_v0"] == true || options["bumpMinorPreMajor"] == true {
        rules.zero = Zero::Minor;
    }
    if options["bumpPatchForMinorPreMajor"] == true {
        rules.zero = Zero::Shift;
    }
    for rule in case["config"]["releaseRules"].as_array().into_iter().flatten() {
        let release = Some(&rule["release"]).filter(|release| release.is_string());
        rules.types.insert(rule["type"].as_str()?.to_owned(), bump(release.unwrap_or(&Value::Null)));
    }
    let is_forced = changes_or_none(case).iter().any(|commit| commit.to_string().contains("RELEASE AS"));
    (!is_forced).then_some(rules)
}

fn changes_or_none(case: &Value) -> &[Value] {
    case["commits"].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn the_suites_of_other_tools_hold_where_they_are_comparable() {
    hold("suite_bumps", 49, |case| {
        let rules = rules_of(case).filter(|_| case["comparable"] == true)?;
        if case["commits"].is_null() {
            return Some(check_increment(case, &rules));
        }
        let base = case["version"].as_str().or_else(|| case["tag"].as_str()).unwrap_or("1.0.0");
        let (ours, version) =
            batch(&Version::parse(base.trim_start_matches('v')).ok()?, &changes(case), &rules);
        Some(match case["expect_version"].as_str() {
            Some(expected) => equal(&version.to_string().as_str(), &expected.trim_start_matches('v')),
            None => equal(&ours, &bump(&case["expect_bump"])),
        })
    });
}

/// Cases that give the bump itself.
fn check_increment(case: &Value, rules: &Rules) -> Result<(), String> {
    let (from, asked) = match case["input"].as_object() {
        Some(input) => (&input["lastRelease"]["version"], &input["nextRelease"]["type"]),
        None => (&case["latest_version"], &case["bump"]),
    };
    let from = Version::parse(from.as_str().unwrap().trim_start_matches('v')).unwrap();
    let version = rules.zero.limit(bump(asked), &from);
    equal(&version.apply(&from).to_string().as_str(), &case["expect_version"].as_str().unwrap())
}

#[test]
fn each_commit_alone_is_judged_as_the_reference_does() {
    hold("suite_bumps", 7, |case| {
        let expected = case["expect_per_commit"].as_array().filter(|_| case["comparable"] == true)?;
        let rules = rules_of(case)?;
        let messages = changes(case).into_iter().filter(|change| !change.message.is_empty());
        let ours: Vec<Bump> =
            messages.map(|change| judge(&Message::parse_merged(&change.message), &rules).bump).collect();
        Some(equal(&ours, &expected.iter().map(bump).collect()))
    });
}

#[test]
fn increments_are_those_of_node_semver() {
    hold("suite_semver", 18, |case| {
        let asked = case["inc"].as_str().filter(|inc| ["major", "minor", "patch"].contains(inc))?;
        let from = Version::parse(case["version"].as_str()?).ok()?;
        let expected = case["expect"].as_str()?;
        Some(equal(&bump(&Value::from(asked)).apply(&from).to_string().as_str(), &expected))
    });
}

fn head_version(repository: &Repository) -> (String, Option<String>, bool) {
    let versioned = of_head(&repository.open(), &Rules::default()).unwrap();
    (versioned.version.to_string(), versioned.tag.map(|tag| tag.name), versioned.is_tagged)
}

#[test]
fn without_a_tag_the_first_feature_is_0_1_0() {
    let repository = Repository::new();
    repository.commit("chore: begin");
    assert_eq!(head_version(&repository), ("0.0.1".to_owned(), None, false));
    repository.commit("feat: open the shop");
    assert_eq!(head_version(&repository), ("0.1.0".to_owned(), None, false));
}

#[test]
fn why_this_version_is_told_commit_by_commit() {
    let repository = Repository::new();
    let explain = || {
        let rules = Rules::default();
        let versioned = of_head(&repository.open(), &rules).unwrap();
        versioned.explain(&rules).replace(&versioned.commit.sha[..10], "<id>")
    };
    repository.commit("feat: open");
    expect![[r#"
        0.1.0 is the version of <id>, counted from 0.0.0: no tag `v<version>` leads to it
          0.1.0      feat: open  [type `feat`: minor]
        below 1.0.0 the rule is `zero = "minor"`
    "#]]
    .assert_eq(&explain());
    repository.git(&["tag", "v0.3.0"]);
    expect![[r#"
        0.3.0 is the tag `v0.3.0` of <id>
    "#]]
    .assert_eq(&explain());
    repository.commit("docs: hours");
    repository.commit("feat!: new address\n\nbody");
    expect![[r#"
        0.4.0 is the version of <id>, counted from tag `v0.3.0`
          0.3.1      docs: hours  [type `docs` is not in the table, `default_bump`: patch]
          0.4.0      feat!: new address  [breaking change: minor instead of major, since the version is 0.x and `zero = "minor"`]
        below 1.0.0 the rule is `zero = "minor"`
    "#]].assert_eq(&explain());
}

#[test]
fn the_highest_tag_of_an_ancestor_is_the_base() {
    let repository = Repository::new();
    repository.commit("feat: a");
    repository.git(&["tag", "v0.10.0"]);
    repository.git(&["tag", "v0.9.0"]);
    repository.git(&["tag", "other-9.0.0"]);
    repository.git(&["tag", "v9"]);
    assert_eq!(head_version(&repository), ("0.10.0".to_owned(), Some("v0.10.0".to_owned()), true));
    repository.commit("fix: b");
    repository.git(&["tag", "-a", "-m", "second", "v1.2.3"]);
    repository.commit("feat: c");
    repository.commit("docs: d");
    let versioned = of_head(&repository.open(), &Rules::default()).unwrap();
    let trail: Vec<(String, String)> =
        versioned.trail.iter().map(|step| (step.title.clone(), step.version.to_string())).collect();
    let pair = |title: &str, version: &str| (title.to_owned(), version.to_owned());
    assert_eq!(trail, [pair("feat: c", "1.3.0"), pair("docs: d", "1.3.1")]);
    assert_eq!(versioned.tag.unwrap().name, "v1.2.3");
    assert_eq!(versioned.trail[1].sha, versioned.commit.sha);
}

#[test]
fn a_tag_on_another_branch_does_not_count() {
    let repository = Repository::new();
    repository.commit("feat: a");
    repository.git(&["tag", "v1.0.0"]);
    repository.git(&["checkout", "--quiet", "-b", "next"]);
    repository.commit("feat!: b");
    repository.git(&["tag", "v2.0.0"]);
    repository.git(&["checkout", "--quiet", "main"]);
    repository.commit("fix: c");
    assert_eq!(head_version(&repository).0, "1.0.1");
}

#[test]
fn a_merged_branch_counts_once_by_the_title_of_its_request() {
    let repository = Repository::new();
    repository.commit("feat: a");
    repository.git(&["tag", "v1.0.0"]);
    repository.git(&["checkout", "--quiet", "-b", "topic"]);
    repository.commit("fix: one");
    repository.commit("fix: two");
    repository.git(&["checkout", "--quiet", "main"]);
    repository.git(&[
        "merge",
        "--quiet",
        "--no-ff",
        "-m",
        "Merge pull request #7 from ana/topic\n\nfeat: topic",
        "topic",
    ]);
    let versioned = of_head(&repository.open(), &Rules::default()).unwrap();
    assert_eq!((versioned.version.to_string().as_str(), versioned.trail.len()), ("1.1.0", 1));
    assert_eq!(versioned.trail[0].title, "feat: topic");
}

#[test]
fn another_prefix_has_versions_of_its_own() {
    let repository = Repository::new();
    repository.commit("feat: a");
    repository.git(&["tag", "v5.0.0"]);
    repository.git(&["tag", "web/v1.0.0"]);
    repository.commit("fix: b");
    let rules = Rules { tag_prefix: "web/v".to_owned(), ..Rules::default() };
    assert_eq!(of_head(&repository.open(), &rules).unwrap().version, Version::new(1, 0, 1));
}

/// Ten commits in a row, their versions asked for in any order and twice: ten versions, always the same.
#[test]
fn every_commit_has_one_version_whoever_asks_and_when() {
    let repository = Repository::new();
    repository.commit("feat: begin");
    repository.git(&["tag", "v1.0.0"]);
    let messages =
        ["fix: 1", "feat: 2", "docs: 3", "feat!: 4", "5", "fix: 6", "perf: 7", "feat: 8", "ci: 9", "fix: 10"];
    let ids: Vec<String> = messages.iter().map(|message| repository.commit(message)).collect();
    let repo = repository.open();
    let version = |id: &String| {
        let commit = repo.commit(id).unwrap();
        shipway_control::version::of_commit(&repo, commit, &Rules::default()).unwrap().version
    };
    let forward: Vec<Version> = ids.iter().map(version).collect();
    let mut backward: Vec<Version> = ids.iter().rev().map(version).collect();
    backward.reverse();
    assert_eq!(forward, backward);
    assert!(forward.is_sorted_by(|a, b| a < b), "{forward:?}");
    repository.git(&["tag", &format!("v{}", forward[4]), &ids[4]]);
    assert_eq!(
        ids.iter().map(version).collect::<Vec<_>>(),
        forward,
        "a tag where the version is changes nothing"
    );
}

#[test]
fn a_shallow_clone_is_refused_only_where_history_is_missing() {
    let origin = Repository::new();
    origin.commit("feat: a");
    origin.git(&["tag", "v1.0.0"]);
    origin.commit("fix: b");
    origin.commit("fix: c");
    let clone = |depth: &str| {
        let clone = Repository::bare_directory();
        let url = format!("file://{}", origin.path().display());
        clone.git(&["clone", "--quiet", "--depth", depth, "--tags", &url, "."]);
        clone
    };
    let error = of_head(&clone("2").open(), &Rules::default()).unwrap_err();
    assert!(matches!(error, Error::Shallow), "{error}");
    assert_eq!(error.hint(), Some("git fetch --unshallow --tags"));
    assert_eq!(head_version(&clone("3")).0, "1.0.2");
}

#[test]
fn types_of_the_table_decide() {
    let repository = Repository::new();
    repository.commit("feat: a");
    repository.git(&["tag", "v1.0.0"]);
    repository.commit("deps: b");
    let mut rules = Rules { default_bump: Bump::None, ..Rules::default() };
    assert_eq!(of_head(&repository.open(), &rules).unwrap().version, Version::new(1, 0, 0));
    rules.types = BTreeMap::from([("deps".to_owned(), Bump::Minor)]);
    assert_eq!(of_head(&repository.open(), &rules).unwrap().version, Version::new(1, 1, 0));
}

/// A message that lists whole commits (`git merge --squash`) has no title; linting and not guessing is the answer.
#[test]
fn squash_and_merge_messages_of_the_hosts_have_the_bump_of_their_title() {
    hold("suite_python_semantic_release", 123, |case| {
        let [expected] = case["expect"].as_array()?.as_slice() else { return None };
        let is_list = case["test"].as_str()?.ends_with("git_squash_style");
        if expected["kind"] != "ParsedCommit" || is_list {
            return None;
        }
        let options = &case["options"];
        let mut rules = Rules { types: BTreeMap::new(), ..library() };
        for (list, bump) in [("minor_tags", Bump::Minor), ("patch_tags", Bump::Patch)] {
            let kinds = options[list].as_array()?.iter().filter_map(Value::as_str);
            rules.types.extend(kinds.map(|kind| (kind.to_owned(), bump)));
        }
        let ours = judge(&Message::parse_merged(case["message"].as_str()?), &rules).bump;
        let theirs = match expected["bump"].as_str()? {
            "no_release" => Bump::None,
            name => bump(&Value::from(name)),
        };
        Some(equal(&ours, &theirs))
    });
}
