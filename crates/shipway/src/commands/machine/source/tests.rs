//! Places and faults of definitions in JSON and YAML.

use super::*;

fn parsed(text: &str) -> Source {
    Source::parse("m".to_owned(), text.to_owned(), None).unwrap()
}

fn shown<'s>(source: &'s Source, pointer: &str) -> (String, &'s str) {
    let span = source.span(pointer).unwrap();
    (source.place(pointer), &source.text[span.start.offset..span.end.offset])
}

const YAML: &str = "Comment: a machine # note\nStartAt: A\nStates:\n  A:\n    Type: 'Pass'\n    Retry:\n      - ErrorEquals: [X, Y]\n    End: true\n";

#[test]
fn yaml_is_data_with_places() {
    let source = parsed(YAML);
    assert_eq!(source.value["States"]["A"]["Retry"][0]["ErrorEquals"][1], "Y");
    assert_eq!(shown(&source, "/Comment"), ("m:1:10".to_owned(), "a machine"));
    assert_eq!(shown(&source, "/States/A"), ("m:4:3".to_owned(), "A"));
    assert_eq!(shown(&source, "/States/A/Type"), ("m:5:11".to_owned(), "'Pass'"));
    assert_eq!(shown(&source, "/States/A/Retry/0/ErrorEquals/1").0, "m:7:26");
    assert_eq!(shown(&source, "/States/A/Nothing/0"), ("m:4:3".to_owned(), "A"));
}

#[test]
fn json_shows_plain_values_and_names_of_the_rest() {
    let source = parsed("{\n \"StartAt\": \"A\",\n \"States\": {\"A\": {}}}");
    assert_eq!(shown(&source, "/StartAt"), ("m:2:13".to_owned(), "\"A\""));
    assert_eq!(shown(&source, "/States/A"), ("m:3:13".to_owned(), "\"A\""));
    assert_eq!(shown(&source, "/States/A/Type"), ("m:3:13".to_owned(), "\"A\""));
    assert_eq!(shown(&source, "/"), ("m:1:1".to_owned(), "{"));
}

#[test]
fn faults_have_places() {
    let fault = |text: &str| Source::parse("m".into(), text.into(), None).unwrap_err().to_string();
    assert_eq!(fault("{\n \"a\": }"), "m:2:7: it is not JSON: expected value");
    let yaml = fault("a: 1\nb: [1\nc: 2\n");
    assert!(yaml.starts_with("m:3:"), "{yaml}");
    let twice = fault("a: 1\nb: 2\na: 3\n");
    assert!(twice.starts_with("m:3:1: ") && twice.contains("`a`") | twice.contains("duplicate"), "{twice}");
}
