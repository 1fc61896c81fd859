//! Tests of reading messages.

use super::*;

fn head(text: &str) -> (Option<String>, Option<String>, String, bool) {
    let m = Message::parse(text);
    (m.kind, m.scope, m.description, m.is_breaking)
}

fn is(
    kind: &str,
    scope: &str,
    description: &str,
    is_breaking: bool,
) -> (Option<String>, Option<String>, String, bool) {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    (some(kind), some(scope), description.to_owned(), is_breaking)
}

#[test]
fn headers_are_read_tolerantly() {
    assert_eq!(head("feat: a"), is("feat", "", "a", false));
    assert_eq!(head("\n\nFEAT(Web)!:  a  \n"), is("feat", "Web", "a", true));
    assert_eq!(head("fix:a"), is("fix", "", "a", false));
    assert_eq!(head("fix():a"), is("fix", "", "a", false));
    assert_eq!(head("feat:\u{a0}a"), is("feat", "", "a", false));
    assert_eq!(head("storage/bucket: a"), is("storage/bucket", "", "a", false));
    assert_eq!(head("fix(a b): c: d"), is("fix", "a b", "c: d", false));
}

#[test]
fn other_first_lines_are_descriptions() {
    for text in [
        "",
        "feat",
        "feat:",
        "feat: ",
        ":sparkles: a",
        "feat a: b",
        "feat(a: b",
        "feat (a): b",
        "(a): b",
        "feat! : a",
        "Revert \"feat: a\"",
    ] {
        assert_eq!(head(text), is("", "", text.trim(), false), "{text}");
    }
}

#[test]
fn a_breaking_line_counts_wherever_it_begins_a_line() {
    for text in [
        "BREAKING CHANGE: all new",
        "fix: a\n\nBREAKING CHANGE: b",
        "fix: a\n\nBREAKING-CHANGE: b",
        "fix: a\n\nBREAKING CHANGE:\nb",
        "fix: a\n\nBREAKING CHANGE #12",
        "fix: a\r\n\r\nBREAKING CHANGE: b\r\n",
        "chore: a (#633)\n\n* chore: a\nBREAKING CHANGE: b\n\n* docs",
    ] {
        assert!(Message::parse(text).is_breaking, "{text}");
    }
    for text in
        ["fix: a\n\nbreaking change: b", "fix: a\n\n BREAKING CHANGE: b", "fix: a\n\nBREAKING CHANGES: b"]
    {
        assert!(!Message::parse(text).is_breaking, "{text}");
    }
}

#[test]
fn footers_are_the_last_paragraphs() {
    let message = Message::parse(
        "fix: a\n\nNote: this is body\n\nmore body\n\nBREAKING CHANGE: one\n two\n\nRefs #12\nReviewed-by: Ana\nhttp://x\n",
    );
    assert_eq!(message.body, "Note: this is body\n\nmore body");
    let footers: Vec<_> = message.footers.iter().map(|f| (f.token.as_str(), f.value.as_str())).collect();
    assert_eq!(
        footers,
        [("BREAKING CHANGE", "one\n two"), ("Refs", "#12"), ("Reviewed-by", "Ana\nhttp://x")]
    );
}

#[test]
fn reverts_name_their_commits() {
    let text = "Revert \"feat: a\"\n\nThis reverts commit 71F45F97b11dcd87c90834ecd1da78bc340cc5c6.";
    let message = Message::parse(text);
    assert!(message.is_revert());
    assert_eq!(message.reverts, ["71f45f97b11dcd87c90834ecd1da78bc340cc5c6"]);
    assert_eq!(Message::parse("revert: a\n\nRefs: 676104e, a215868").reverts, ["676104e", "a215868"]);
    assert_eq!(Message::parse("fix: a\n\nRefs: 676104e").reverts, Vec::<String>::new());
    assert_eq!(Message::parse("revert: a\n\nThis reverts commit of mine").reverts, Vec::<String>::new());
}

#[test]
fn the_head_of_a_merge_is_not_the_title() {
    for text in [
        "Merge pull request #12 from ana/x\n\nfeat(web): a\n\nbody",
        "Merge branch 'x' into 'main'\n\nfeat(web): a\n\nSee merge request acme/shop!12",
        "Merged in ana/x (pull request #12)\n\nfeat(web): a\n\nApproved-by: Ben",
        "Merged in x  (pull request #12)\n\nfeat(web): a",
    ] {
        let message = Message::parse_merged(text);
        assert_eq!((message.kind.as_deref(), message.description.as_str()), (Some("feat"), "a"), "{text}");
        assert!(!Message::parse(text).is_conventional());
    }
    for text in [
        "Merge branch 'x'",
        "Merge branch 'x' into 'main'\n\nSee merge request acme/shop!12",
        "Merge pull request #1",
    ] {
        assert!(!Message::parse_merged(text).is_conventional(), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_a_message(text in "(?s).{0,200}") {
        let message = Message::parse_merged(&text);
        assert_eq!(Message::parse_merged(&text), message);
    }

    #[test]
    fn what_is_written_is_read(kind in "[a-z]{1,8}", scope in "[a-z-]{1,8}", is_breaking: bool, text in "[a-z][a-z :!()]{0,20}[a-z]", body in "[a-z]{1,8}( [a-z]{1,8})?") {
        let mark = if is_breaking { "!" } else { "" };
        let message = Message::parse(&format!("{kind}({scope}){mark}: {text}\n\n{body}\n\nRefs: #1\n"));
        assert_eq!((message.kind, message.scope), (Some(kind), Some(scope)));
        assert_eq!((message.description, message.body, message.is_breaking), (text, body, is_breaking));
        assert_eq!(message.footers, [Footer { token: "Refs".to_owned(), value: "#1".to_owned() }]);
    }
}
