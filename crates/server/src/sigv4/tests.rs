//! AWS's published vectors, which the `aws-sigv4` package carries, and what no vector shows.

use std::{
    fs,
    path::{Path, PathBuf},
};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use shipway_asl::Timestamp;

use super::{Claim, Head, Place, Refusal, Replays, canonical};

/// A request out of a file.
struct Message {
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    body: String,
}

impl Message {
    fn parse(text: &str) -> Self {
        let text = text.replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
        // WHY: a line that begins with space goes on with the line before.
        let head = head.replace("\n ", " ");
        let mut lines = head.lines();
        let (method, rest) = lines.next().unwrap().split_once(' ').unwrap();
        let target = rest.rsplit_once(" HTTP/").unwrap().0;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = HeaderMap::new();
        for (name, value) in lines.map(|line| line.split_once(':').unwrap()) {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_bytes(value.trim().as_bytes()).unwrap());
        }
        let [method, path, query, body] = [method, path, query, body].map(str::to_owned);
        Self { method, path, query, headers, body }
    }

    fn head(&self) -> Head<'_> {
        Head { method: &self.method, path: &self.path, query: &self.query, headers: &self.headers }
    }

    fn claim(&self) -> Result<Claim, Refusal> {
        Claim::read(&self.head())
    }
}

fn vectors() -> Vec<PathBuf> {
    let Some(home) = std::env::home_dir() else { return Vec::new() };
    let Ok(registries) = fs::read_dir(home.join(".cargo/registry/src")) else { return Vec::new() };
    let packages = registries.flatten().filter_map(|registry| fs::read_dir(registry.path()).ok());
    let is_it = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("aws-sigv4-1");
    let package = packages.flat_map(|packages| packages.flatten().map(|package| package.path())).find(is_it);
    let folder = package.and_then(|package| fs::read_dir(package.join("aws-signing-test-suite/v4")).ok());
    let mut vectors: Vec<PathBuf> =
        folder.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    vectors.sort();
    vectors
}

fn read(folder: &Path, file: &str) -> Option<String> {
    fs::read_to_string(folder.join(file)).ok()
}

/// Whether the message of a vector is what its signature says, step by step.
fn holds(folder: &Path, form: &str, secret: &str) -> Option<()> {
    let message = Message::parse(&read(folder, &format!("{form}-signed-request.txt"))?);
    let claim = message.claim().unwrap_or_else(|refusal| panic!("{}: {refusal}", folder.display()));
    let hash = canonical::sha256(message.body.as_bytes());
    let text = claim.string_to_sign(&message.head(), &hash).unwrap();
    let name = format!("{} {form}", folder.display());
    assert_eq!(text, read(folder, &format!("{form}-string-to-sign.txt"))?.replace("\r\n", "\n"), "{name}");
    claim.verify(&message.head(), message.body.as_bytes(), secret).unwrap();
    let wrong =
        claim.verify(&message.head(), message.body.as_bytes(), "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEX");
    assert_eq!(wrong, Err(Refusal::Mismatch), "{name}");
    Some(())
}

#[test]
fn signatures_are_those_of_the_published_vectors() {
    let vectors = vectors();
    if vectors.is_empty() {
        println!("skipped: the package `aws-sigv4` with the vectors is not unpacked here");
        return;
    }
    let mut held = 0;
    for folder in &vectors {
        // WHY: two folders are of that package alone and have no context.
        let Some(context) = read(folder, "context.json") else { continue };
        let context: Value = serde_json::from_str(&context).unwrap();
        let is_of_s3 = context["normalize"] == false;
        // WHY: paths are taken as they are for S3 only; a session's token has no place with keys that belong to none,
        // and it would have to be signed.
        if is_of_s3 || context["credentials"]["token"].is_string() {
            continue;
        }
        let secret = context["credentials"]["secret_access_key"].as_str().unwrap();
        held += ["header", "query"].iter().filter_map(|form| holds(folder, form, secret)).count();
    }
    assert!(held >= 50, "{held} vectors held");
}

const SECRET: &str = "a secret of the tests";
const HEADERS: &str = "host;x-amz-date;x-amz-target";
const PLACE: Place<'_> = Place { region: "us-east-1", service: "states" };
const NOW: &str = "20231114T221320Z";

fn now() -> Timestamp {
    Timestamp(1_700_000_000_000)
}

/// A call signed for `date` over `headers`, with more headers than that.
fn signed(date: &str, headers: &str, more: &str) -> Message {
    let authorization = |signature: &str| {
        let scope = format!("{}/us-east-1/states/aws4_request", &date[..8]);
        format!("AWS4-HMAC-SHA256 Credential=SWAKA/{scope}, SignedHeaders={headers}, Signature={signature}")
    };
    let message = |signature: &str| {
        Message::parse(&format!(
            "POST / HTTP/1.1\nHost: localhost:7420\nX-Amz-Date: {date}\nX-Amz-Target: AWSStepFunctions.ListActivities\n\
             {more}Authorization: {}\n\n{{}}",
            authorization(signature)
        ))
    };
    let draft = message(&"0".repeat(64));
    let Ok(claim) = draft.claim() else { return draft };
    let text = claim.string_to_sign(&draft.head(), &canonical::sha256(b"{}")).unwrap();
    let scope = format!("{}/us-east-1/states/aws4_request", &date[..8]);
    let code = hmac::Mac::finalize(canonical::sign(SECRET, &scope, &text));
    message(&hex::encode(code.into_bytes()))
}

fn verdict(message: &Message) -> Result<(), Refusal> {
    let claim = message.claim()?;
    claim.check(&PLACE, now())?;
    claim.verify(&message.head(), message.body.as_bytes(), SECRET)
}

fn refusal(message: &Message) -> String {
    let refusal = verdict(message).unwrap_err();
    format!("{}: {refusal}", refusal.code())
}

#[test]
fn a_date_may_be_five_minutes_away_and_no_second_more() {
    let at = |date: &str| verdict(&signed(date, HEADERS, ""));
    for good in [NOW, "20231114T220820Z", "20231114T221820Z"] {
        assert_eq!(at(good), Ok(()), "{good}");
    }
    assert_eq!(
        at("20231114T220819Z").unwrap_err().to_string(),
        "Signature expired: 20231114T220819Z is now earlier than 20231114T220820Z (20231114T221320Z - 5 min.)"
    );
    assert_eq!(
        at("20231114T221821Z").unwrap_err().to_string(),
        "Signature not yet current: 20231114T221821Z is still later than 20231114T221820Z (20231114T221320Z + 5 min.)"
    );
}

#[test]
fn what_is_of_aws_must_be_signed_and_there_once() {
    let cases = [
        ("x-amz-date;x-amz-target", "", "'Host' or ':authority' must be"),
        ("host;x-amz-date", "", "which were not signed: x-amz-target"),
        (HEADERS, "X-Amz-Meta: 1\n", "which were not signed: x-amz-meta"),
        (HEADERS, "Host: elsewhere\n", "'host' is there more than once"),
        (
            HEADERS,
            "X-Amz-Target: AWSStepFunctions.DeleteActivity\n",
            "'x-amz-target' is there more than once",
        ),
        (HEADERS, "Authorization: Bearer x\n", "Only one authentication mechanism"),
        ("x-amz-date;host;x-amz-target", "", "in order"),
        ("host;host;x-amz-date;x-amz-target", "", "each of them once"),
        ("Host;x-amz-date;x-amz-target", "", "lower case"),
    ];
    for (headers, more, why) in cases {
        let refusal = refusal(&signed(NOW, headers, more));
        assert!(refusal.contains(why), "{headers} {more}: {refusal}");
    }
    let absent = Message::parse(&format!(
        "POST / HTTP/1.1\nHost: a\nX-Amz-Date: {NOW}\nAuthorization: AWS4-HMAC-SHA256 \
         Credential=A/20231114/us-east-1/states/aws4_request, SignedHeaders=host;x-absent;x-amz-date, Signature={}\n\n",
        "0".repeat(64)
    ));
    assert_eq!(verdict(&absent), Err(Refusal::Mismatch));
}

#[test]
fn the_payload_is_signed_always() {
    let headers = "host;x-amz-content-sha256;x-amz-date;x-amz-target";
    let with = |hash: &str| signed(NOW, headers, &format!("X-Amz-Content-Sha256: {hash}\n"));
    assert_eq!(verdict(&with(&canonical::sha256(b"{}"))), Ok(()));
    for open in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"] {
        assert!(refusal(&with(open)).contains("The payload must be signed"), "{open}");
    }
    assert_eq!(verdict(&with(&canonical::sha256(b"other"))), Err(Refusal::Mismatch));
}

#[test]
fn each_part_that_is_changed_is_noticed() {
    type Change = fn(&mut Message);
    let set = |message: &mut Message, name: &'static str, value: &'static str| {
        message.headers.insert(name, HeaderValue::from_static(value));
    };
    assert_eq!(verdict(&signed(NOW, HEADERS, "")), Ok(()));
    let changes: [Change; 5] = [
        |message| message.body.push(' '),
        |message| "PUT".clone_into(&mut message.method),
        |message| "/other".clone_into(&mut message.path),
        |message| "a=b".clone_into(&mut message.query),
        |message| message.body.clear(),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut message = signed(NOW, HEADERS, "");
        change(&mut message);
        assert_eq!(verdict(&message), Err(Refusal::Mismatch), "change {number}");
    }
    let headers = [
        ("host", "localhost:7421"),
        ("x-amz-date", "20231114T221321Z"),
        ("x-amz-target", "AWSStepFunctions.X"),
    ];
    for (name, value) in headers {
        let mut message = signed(NOW, HEADERS, "");
        set(&mut message, name, value);
        assert_eq!(verdict(&message), Err(Refusal::Mismatch), "{name}");
    }
}

#[test]
fn every_digit_of_a_signature_counts() {
    let good = signed(NOW, HEADERS, "");
    let text = good.headers["authorization"].to_str().unwrap().to_owned();
    let from = text.len() - 64;
    for place in from..text.len() {
        let digit = if &text[place..=place] == "0" { "1" } else { "0" };
        let mut message = signed(NOW, HEADERS, "");
        let mut wrong = text.clone();
        wrong.replace_range(place..=place, digit);
        message.headers.insert("authorization", wrong.parse().unwrap());
        assert_eq!(verdict(&message), Err(Refusal::Mismatch), "digit {place}");
    }
}

#[test]
fn what_is_no_whole_signature_is_told_apart() {
    let with = |authorization: &str| {
        refusal(&Message::parse(&format!(
            "POST / HTTP/1.1\nHost: a\nX-Amz-Date: {NOW}\nAuthorization: {authorization}\n\n"
        )))
    };
    let good = "Credential=A/20231114/us-east-1/states/aws4_request";
    let rest = format!("SignedHeaders=host;x-amz-date, Signature={}", "0".repeat(64));
    let cases = [
        ("Bearer x".to_owned(), "MissingAuthenticationTokenException"),
        ("AWS4-HMAC-SHA256".to_owned(), "IncompleteSignatureException"),
        ("AWS4-ECDSA-P256-SHA256 x".to_owned(), "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."),
        (format!("AWS4-HMAC-SHA256 {rest}"), "requires 'Credential' parameter"),
        (format!("AWS4-HMAC-SHA256 {good}, Signature=00"), "requires 'SignedHeaders' parameter"),
        (format!("AWS4-HMAC-SHA256 {good}, {good}, {rest}"), "not a valid key=value pair"),
        (format!("AWS4-HMAC-SHA256 {good}, Other=1, {rest}"), "not a valid key=value pair"),
        (
            format!("AWS4-HMAC-SHA256 Credential=A/20231114/us-east-1/states, {rest}"),
            "exactly 5 slash-delimited",
        ),
        (format!("AWS4-HMAC-SHA256 {good}x, {rest}"), "valid terminator"),
        (
            format!("AWS4-HMAC-SHA256 Credential=A/20231114/us-east-1/sts/aws4_request, {rest}"),
            "correct service: 'states'",
        ),
        (
            format!("AWS4-HMAC-SHA256 Credential=A/20231114/local/states/aws4_request, {rest}"),
            "valid region, not 'local'",
        ),
        (
            format!("AWS4-HMAC-SHA256 Credential=A/20231113/us-east-1/states/aws4_request, {rest}"),
            "'20231113' != '20231114'",
        ),
    ];
    for (authorization, why) in cases {
        let refusal = with(&authorization);
        assert!(refusal.contains(why), "{authorization}: {refusal}");
    }
}

#[test]
fn presigned_requests_end_when_they_say() {
    let read = |expires: &str, more: &str| {
        Message::parse(&format!(
            "POST /?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20231114%2Fus-east-1%2Fstates%2Faws4_request\
             &X-Amz-Date=20231114T221000Z&X-Amz-Expires={expires}&X-Amz-SignedHeaders=host&X-Amz-Signature={}{more} \
             HTTP/1.1\nHost: a\n\n",
            "0".repeat(64)
        ))
        .claim()
    };
    let at = |expires: &str| read(expires, "").unwrap().check(&PLACE, now());
    assert_eq!(at("200"), Ok(()));
    assert!(at("199").unwrap_err().to_string().starts_with("Signature expired: 20231114T221000Z + 199 s"));
    assert!(!read("300", "").unwrap().is_long() && read("301", "").unwrap().is_long());
    for wrong in ["0", "604801", "-1", "x"] {
        assert!(matches!(read(wrong, ""), Err(Refusal::Incomplete(_))), "{wrong}");
    }
    let twice = read("200", "&X-Amz-Expires=604800").unwrap_err().to_string();
    assert_eq!(twice, "The parameter 'X-Amz-Expires' is there more than once.");
}

#[test]
fn a_signature_is_good_once_and_forgotten_at_its_end() {
    let mut replays = Replays::of(2);
    let (one, two, three) = ([1; 32], [2; 32], [3; 32]);
    let end = now().plus_millis(10);
    assert_eq!(replays.take(one, end, now()), Ok(()));
    assert_eq!(replays.take(one, end, now()), Err(Refusal::Replayed));
    assert_eq!(replays.take(one, end, end), Err(Refusal::Replayed), "it is good until its end");
    assert_eq!(replays.take(two, end.plus_millis(5), now()), Ok(()));
    assert_eq!(replays.take(three, end, now()), Err(Refusal::Busy), "no more than there is room for");
    let later = end.plus_millis(1);
    assert_eq!(replays.take(three, later, later), Ok(()));
}
