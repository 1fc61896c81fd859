//! The pages of machines and activities over a real engine: what they change, refuse and show.

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, body::Body};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shipway_engine::{Builder, Config as EngineConfig, Engine, SystemClock, memory_store};
use shipway_server::{
    Config, router,
    states::{self, admit::Admission},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;

use crate::{fixture::Fixture, support::TOKEN};

const HELLO: &str = r#"{"StartAt":"Hello","States":{"Hello":{"Type":"Pass","End":true}}}"#;
const WAIT: &str = r#"{"StartAt":"Wait","States":{"Wait":{"Type":"Wait","Seconds":3600,"End":true}}}"#;
const ROLE: &str = "arn:aws:iam::000000000000:role/shipway";

/// A server of one person, who has signed in or needs not to.
struct Site {
    router: Router,
    engine: Engine,
    cookie: String,
    _stop: DropGuard,
    _directory: tempfile::TempDir,
}

/// A page, as far as these tests look at it.
struct Page {
    status: StatusCode,
    location: String,
    html: String,
}

impl Site {
    /// Where everybody on the loopback may call the Step Functions API.
    async fn open() -> Self {
        Self::new(([127, 0, 0, 1], 7420).into(), Admission::Everybody).await
    }

    /// Where calls must be signed.
    async fn closed() -> Self {
        Self::new(([127, 0, 0, 1], 7420).into(), Admission::Signed).await
    }

    async fn new(listen: SocketAddr, admission: Admission) -> Self {
        let stop = CancellationToken::new();
        let builder = Builder::new(memory_store(), Arc::new(SystemClock), EngineConfig::default());
        let engine = builder.start(stop.clone()).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let app = Fixture::new(directory.path());
        app.engine.set(engine.clone()).ok().unwrap();
        let config = Config {
            listen,
            token: TOKEN.to_owned(),
            allowed_hosts: Vec::new(),
            states: states::Config { admission, ..states::Config::default() },
        };
        let router = router(&config, listen, app, stop.clone());
        Self { router, engine, cookie: String::new(), _stop: stop.drop_guard(), _directory: directory }
    }

    async fn sign_in(&mut self) {
        let request = self.form("/sign-in").body(Body::from(format!("token={TOKEN}"))).unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        self.cookie = cookie.split(';').next().unwrap().to_owned();
    }

    fn form(&self, path: &str) -> http::request::Builder {
        Request::post(path)
            .header("host", "localhost:7420")
            .header("accept", "text/html")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", "http://localhost:7420")
            .header("sec-fetch-site", "same-origin")
            .header("cookie", &self.cookie)
    }

    async fn ask(&self, request: Request<Body>) -> Page {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let location = head.headers.get("location").map(|place| place.to_str().unwrap().to_owned());
        let html = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Page { status: head.status, location: location.unwrap_or_default(), html }
    }

    async fn get(&self, path: &str) -> Page {
        let request = Request::get(path).header("host", "localhost:7420").header("accept", "text/html");
        self.ask(request.header("cookie", &self.cookie).body(Body::empty()).unwrap()).await
    }

    /// A page that is there.
    async fn page(&self, path: &str) -> String {
        let page = self.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.html);
        page.html
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.ask(self.form(path).body(Body::from(urlencoded(fields))).unwrap()).await
    }

    /// A form that is taken; where it leads.
    async fn done(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let page = self.post(path, fields).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{path}: {}", page.html);
        page.location
    }

    async fn machine(&self, name: &str, definition: &str) {
        let fields = [("name", name), ("type", "STANDARD"), ("role_arn", ROLE), ("definition", definition)];
        self.done("/machines/~new", &fields).await;
    }
}

fn urlencoded(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let pairs = fields.iter().map(|(name, text)| format!("{name}={}", encode(text)));
    pairs.collect::<Vec<_>>().join("&")
}

/// What stands between a form's element and its end.
fn between<'h>(html: &'h str, start: &str, end: &str) -> &'h str {
    let rest = html.split_once(start).unwrap_or_else(|| panic!("no {start} in {html}")).1;
    rest.split_once(end).unwrap().0
}

fn revision(html: &str) -> String {
    between(html, "name=\"revision\" value=\"", "\"").to_owned()
}

#[tokio::test]
async fn a_machine_is_made_started_changed_and_deleted_by_forms_alone() {
    let site = Site::open().await;
    let fields = [
        ("name", "hello"),
        ("type", "STANDARD"),
        ("role_arn", ROLE),
        ("definition", HELLO),
        ("publish", "on"),
    ];
    assert_eq!(site.done("/machines/~new", &fields).await, "/machines/hello?note=created");
    let html = site.page("/machines/hello?note=created").await;
    for shown in
        ["✓ Created.", "STANDARD", "INITIAL", ROLE, "aria-label=\"Hello: waiting\"", "It has never run."]
    {
        assert!(html.contains(shown), "{shown}");
    }
    let place =
        site.done("/machines/hello/start", &[("name", "one"), ("input", "{\"a\": 1}"), ("by", "")]).await;
    assert_eq!(place, "/executions/hello/one");
    let arn = site.engine.execution_arn("hello", "one");
    assert_eq!(site.engine.describe(&arn).await.unwrap().input, json!({"a": 1}));

    let edit = site.page("/machines/hello/edit").await;
    let changed = HELLO.replace("Hello", "Goodbye");
    let fields = [("definition", changed.as_str()), ("role_arn", ROLE), ("revision", &revision(&edit))];
    assert_eq!(site.done("/machines/hello/edit", &fields).await, "/machines/hello?note=saved");
    assert!(site.page("/machines/hello").await.contains("aria-label=\"Goodbye: waiting\""));

    let wrong = site.post("/machines/hello/delete", &[("name", "helo")]).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.html.contains("This is not its name: hello"));
    assert_eq!(site.done("/machines/hello/delete", &[("name", "hello")]).await, "/machines?note=deleted");
    assert_eq!(site.get("/machines/hello").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_input_with_an_error_is_refused_at_its_line_and_nothing_is_lost() {
    let site = Site::open().await;
    site.machine("hello", HELLO).await;
    let input = "{\n  \"a\": <script>\n}";
    let page = site.post("/machines/hello/start", &[("name", "mine"), ("input", input)]).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.html.contains("Line 2, column "), "{}", page.html);
    assert!(page.html.contains("aria-invalid=\"true\""));
    assert_eq!(between(&page.html, "name=\"name\" type=\"text\" value=\"", "\""), "mine");
    assert!(page.html.contains("&quot;a&quot;: &lt;script&gt;\n}</textarea>"), "{}", page.html);
    for (name, refusal) in [("a b", "InvalidName"), (&"x".repeat(81), "ValidationException")] {
        let page = site.post("/machines/hello/start", &[("name", name), ("input", "{}")]).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        assert!(page.html.contains(refusal), "{}", page.html);
    }
    let page = site.post("/machines/hello/start", &[("by", "live"), ("input", "{}")]).await;
    assert!(page.html.contains("StateMachineDoesNotExist"), "{}", page.html);
    assert!(site.engine.list(&shipway_engine::Filter::default()).await.unwrap().0.is_empty());
}

#[tokio::test]
async fn an_express_machine_is_waited_for() {
    let site = Site::open().await;
    let fields = [("name", "quick"), ("type", "EXPRESS"), ("role_arn", ROLE), ("definition", HELLO)];
    site.done("/machines/~new", &fields).await;
    assert!(site.page("/machines/quick/start").await.contains("Run and wait"));
    let place = site.done("/machines/quick/start", &[("input", "{\"a\": 1}"), ("name", "one")]).await;
    assert!(place.starts_with("/executions/quick/one%3A"), "{place}");
}

#[tokio::test]
async fn whoever_saves_second_sees_what_the_first_one_did_and_loses_nothing() {
    let site = Site::open().await;
    site.machine("hello", HELLO).await;
    let loaded = revision(&site.page("/machines/hello/edit").await);
    let (theirs, mine) = (HELLO.replace("Hello", "Theirs"), HELLO.replace("Hello", "Mine"));
    let save = async |text: &str, revision: &str| {
        let fields = [("definition", text), ("role_arn", ROLE), ("revision", revision)];
        site.post("/machines/hello/edit", &fields).await
    };
    let kept = async || site.engine.machine("hello").await.unwrap();
    assert_eq!(save(&theirs, &loaded).await.status, StatusCode::SEE_OTHER);
    let page = save(&mine, &loaded).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.html.contains("somebody else changed this machine"));
    assert!(page.html.contains("<del>") && page.html.contains("<ins>"), "{}", page.html);
    assert_eq!(between(&page.html, "wrap=\"off\"", "</textarea>").matches("Mine").count(), 2);
    assert!(kept().await.contains("Theirs"));
    assert_eq!(save(&mine, &revision(&page.html)).await.status, StatusCode::SEE_OTHER);
    assert!(kept().await.contains("Mine"));
    assert_eq!(save(&theirs, "").await.status, StatusCode::CONFLICT, "a form that says no revision");
}

#[tokio::test]
async fn a_definition_with_errors_is_told_where_and_kept_as_it_was_written() {
    let site = Site::open().await;
    let bad = "{\n  \"StartAt\": \"A\",\n  \"States\": {\n    \"A\": {\n      \"Type\": \"Pass\",\n      \"Next\": \"B\"\n    }\n  }\n}";
    let fields = [("name", "bad"), ("type", "STANDARD"), ("role_arn", ROLE), ("definition", bad)];
    let page = site.post("/machines/~new", &fields).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.html.contains("MISSING_TRANSITION_TARGET"), "{}", page.html);
    assert!(page.html.contains("data-line=\"6\""), "{}", page.html);
    assert!(page.html.contains("&quot;Next&quot;: &quot;B&quot;"));
    assert!(page.html.contains("drawn once there are no errors"));
    assert_eq!(site.get("/machines/bad").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_editor_checks_and_lays_out_without_a_script() {
    let site = Site::open().await;
    let fields =
        |what| [("name", "x"), ("type", "STANDARD"), ("role_arn", ROLE), ("definition", HELLO), ("do", what)];
    let page = site.post("/machines/~new", &fields("format")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.html.contains("  &quot;StartAt&quot;: &quot;Hello&quot;,\n"), "{}", page.html);
    let page = site.post("/machines/~new", &fields("check")).await;
    assert!(
        page.html.contains("No errors and no warnings")
            && page.html.contains("aria-label=\"Hello: waiting\"")
    );
    assert_eq!(site.get("/machines/x").await.status, StatusCode::NOT_FOUND, "checking makes nothing");
    let fragment = site.post("/machines/~check", &[("definition", "{"), ("type", "EXPRESS")]).await;
    assert!(fragment.html.starts_with("<section id=\"findings\""), "{}", fragment.html);
    assert!(fragment.html.contains("INVALID_JSON_DESCRIPTION") && fragment.html.contains("data-line=\"1\""));
}

#[tokio::test]
async fn what_was_only_laid_out_is_no_change() {
    let site = Site::open().await;
    site.machine("hello", HELLO).await;
    let html = site.page("/machines/hello/edit").await;
    let shown =
        between(&html, "wrap=\"off\"", "</textarea>").split_once(">\n").unwrap().1.replace("&quot;", "\"");
    assert!(shown.contains("\n"), "a definition of one line is laid out: {shown}");
    let sent = shown.replace('\n', "\r\n");
    let fields = [("definition", sent.as_str()), ("role_arn", ROLE), ("revision", &revision(&html))];
    site.done("/machines/hello/edit", &fields).await;
    assert_eq!(site.engine.find_machine("hello").await.unwrap().revision_id, None);
}

#[tokio::test]
async fn versions_and_aliases_are_made_compared_and_deleted() {
    let site = Site::open().await;
    site.machine("hello", HELLO).await;
    let page = site.page("/machines/hello/versions").await;
    assert!(page.contains("No version is published.") && page.contains("There is no alias."));
    let publish = async |description: &str| {
        let page = site.page("/machines/hello/versions").await;
        let id = between(&page, "name=\"revision_id\" value=\"", "\"").to_owned();
        site.done("/machines/hello/versions", &[("revision_id", &id), ("description", description)]).await
    };
    assert_eq!(publish("first <b>").await, "/machines/hello/versions?note=published");
    let edit = site.page("/machines/hello/edit").await;
    let changed = HELLO.replace("Hello", "Changed");
    site.done(
        "/machines/hello/edit",
        &[("definition", &changed), ("role_arn", ROLE), ("revision", &revision(&edit))],
    )
    .await;
    publish("second").await;
    let one = site.page("/machines/hello/versions/1").await;
    assert!(one.contains("From version 1 to the machine as it stands"));
    assert!(one.contains("first &lt;b&gt;") && one.contains("<del>") && one.contains("<ins>"), "{one}");
    assert!(site.page("/machines/hello/versions/1?with=2").await.contains("From version 1 to version 2"));
    assert_eq!(site.get("/machines/hello/versions/9").await.status, StatusCode::NOT_FOUND);

    let alias = [("name", "live"), ("version", "1"), ("second", "2"), ("share", "25")];
    assert_eq!(
        site.done("/machines/hello/aliases", &alias).await,
        "/machines/hello/versions?note=alias-created"
    );
    let routes = async || {
        let machine = site.engine.find_machine("hello").await.unwrap();
        machine.aliases[0].routes.iter().map(|route| (route.version, route.weight)).collect::<Vec<_>>()
    };
    assert_eq!(routes().await, [(1, 75), (2, 25)]);
    let wrong = site.post("/machines/hello/aliases", &[("name", "7"), ("version", "1")]).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.html.contains("ValidationException") && wrong.html.contains("value=\"7\""));
    let wrong = site
        .post("/machines/hello/aliases/live", &[("version", "1"), ("second", "2"), ("share", "101")])
        .await;
    assert!(wrong.html.contains("A whole number from 0 to 100."));
    site.done("/machines/hello/aliases/live", &[("version", "2"), ("second", ""), ("share", "")]).await;
    assert_eq!(routes().await, [(2, 100)]);

    let used = site.post("/machines/hello/versions/2/delete", &[]).await;
    assert_eq!(used.status, StatusCode::CONFLICT);
    assert!(used.html.contains("must not be referenced by an alias"), "{}", used.html);
    site.done("/machines/hello/aliases/live/delete", &[]).await;
    site.done("/machines/hello/versions/2/delete", &[]).await;
    assert_eq!(site.engine.find_machine("hello").await.unwrap().versions.len(), 1);
}

#[tokio::test]
async fn deleting_says_how_many_executions_run_and_wants_the_name() {
    let site = Site::open().await;
    site.machine("slow", WAIT).await;
    site.done("/machines/slow/start", &[("name", "one")]).await;
    let html = site.page("/machines/slow/delete").await;
    assert!(html.contains("1 execution runs. It is ended as ABORTED."), "{html}");
    let page = site.post("/machines/slow/delete", &[("name", "Slow")]).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.html.contains("value=\"Slow\""), "what was entered stays");
    site.machine("idle", WAIT).await;
    assert!(site.page("/machines/idle/delete").await.contains("None of its executions runs."));
}

#[tokio::test]
async fn machines_of_deployers_are_looked_at_only() {
    let site = Site::open().await;
    let html = site.page("/machines/host").await;
    assert!(html.contains("To be looked at only.") && html.contains("shipway deploy ENVIRONMENT"));
    for action in ["/machines/host/start", "/machines/host/edit", "/machines/host/delete"] {
        assert!(!html.contains(&format!("href=\"{action}\"")), "{action}");
        for page in [site.get(action).await, site.post(action, &[("name", "host"), ("input", "{}")]).await] {
            assert_eq!(page.status, StatusCode::CONFLICT, "{action}");
            assert!(page.html.contains("belongs to Shipway"), "{action}");
        }
    }
    assert!(site.page("/machines").await.contains(">deployer</span>"));
}

#[tokio::test]
async fn activities_are_made_looked_at_and_deleted() {
    let site = Site::open().await;
    assert!(site.page("/activities").await.contains("There is no activity yet."));
    assert_eq!(site.done("/activities", &[("name", "review")]).await, "/activities/review?note=created");
    let html = site.page("/activities/review").await;
    assert!(html.contains("send_task_success") && html.contains(":activity:review"));
    let definition = json!({"StartAt": "Ask", "States": {"Ask": {
        "Type": "Task", "Resource": site.engine.activity_arn("review"), "End": true}}});
    site.machine("asks", &definition.to_string()).await;
    site.done("/machines/asks/start", &[("name", "one")]).await;
    let waits = site.engine.activity_waits("review", 10).await.unwrap();
    assert_eq!((waits.tasks, waits.workers), (1, 0));
    assert!(site.page("/activities/review").await.contains("Tasks wait and nobody asks for them."));
    assert_eq!(site.post("/activities", &[("name", "a b")]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(site.done("/activities/review/delete", &[]).await, "/activities?note=activity-deleted");
    assert_eq!(site.get("/activities/review").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn workers_that_wait_are_counted_until_they_go_away() {
    let site = Site::open().await;
    site.done("/activities", &[("name", "review")]).await;
    let workers = async |wanted| {
        while site.engine.activity_waits("review", 1).await.unwrap().workers != wanted {
            tokio::task::yield_now().await;
        }
    };
    let engine = site.engine.clone();
    let deadline = engine.clock().now().plus_millis(60_000);
    let worker = tokio::spawn(async move { engine.activity_task("review", None, deadline).await });
    workers(1).await;
    worker.abort();
    workers(0).await;
}

#[tokio::test]
async fn a_stopped_execution_leaves_no_waiting_task() {
    let site = Site::open().await;
    site.done("/activities", &[("name", "review")]).await;
    let definition = json!({"StartAt": "Ask", "States": {"Ask": {
        "Type": "Task", "Resource": site.engine.activity_arn("review"), "End": true}}});
    site.machine("asks", &definition.to_string()).await;
    site.done("/machines/asks/start", &[("name", "one")]).await;
    site.engine.stop(&site.engine.execution_arn("asks", "one"), None, None).await.unwrap();
    assert_eq!(site.engine.activity_waits("review", 10).await.unwrap().tasks, 0);
}

#[tokio::test]
async fn names_of_people_stay_words_on_every_page() {
    let site = Site::open().await;
    // AWS's rule allows quotes, `=`, `(` and `'` in names.
    let name = "a'=(b)";
    let definition = json!({
        "Comment": "<script>alert(1)</script>",
        "StartAt": "</textarea><script>alert(2)</script>",
        "States": {"</textarea><script>alert(2)</script>": {"Type": "Pass", "End": true}},
    });
    site.machine(name, &definition.to_string()).await;
    let path = "/machines/a%27%3D%28b%29";
    let publish = [("revision_id", "INITIAL"), ("description", "<img src=x>")];
    site.done(&format!("{path}/versions"), &publish).await;
    for page in ["", "/edit", "/start", "/delete", "/versions", "/versions/1"] {
        let html = site.page(&format!("{path}{page}")).await;
        assert!(!html.contains("<script>alert") && !html.contains("<img"), "{page}");
        assert!(!html.contains(" style=\""), "{page}");
    }
    let html = site.page("/machines?name=%22%3E%3Cscript%3E").await;
    assert!(html.contains("&quot;&gt;&lt;script&gt;") && !html.contains("<script>"));
}

#[tokio::test]
async fn machines_are_found_by_a_part_of_their_name_and_come_in_pages() {
    let site = Site::open().await;
    for number in 0..60 {
        site.machine(&format!("order-{number:02}"), HELLO).await;
    }
    let first = site.page("/machines").await;
    assert!(first.contains("order-00") && !first.contains("order-59"));
    let next = between(&first, "<nav class=\"paging\"", "</nav>");
    let next = between(next, "href=\"", "\"").replace("&amp;", "&");
    assert!(site.page(&next).await.contains("order-59"));
    let found = site.page("/machines?name=ER-1").await;
    assert!(found.contains("order-10") && !found.contains("order-20") && !found.contains("nightly-report"));
    assert!(site.page("/machines?name=nobody").await.contains("No machine's name holds"));
}

#[tokio::test]
async fn where_calls_must_be_signed_forms_want_a_session() {
    let mut site = Site::closed().await;
    for path in ["/machines/~new", "/machines/nightly-report/edit", "/machines/nightly-report/start"] {
        let page = site.get(path).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{path}");
        assert!(page.location.starts_with("/sign-in?next=%2Fmachines%2F"), "{}", page.location);
    }
    assert!(site.page("/activities").await.contains("Sign in"));
    for path in ["/machines/~new", "/machines/~check", "/activities", "/machines/x/delete"] {
        assert_eq!(site.post(path, &[("name", "x")]).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    site.sign_in().await;
    assert_eq!(site.get("/machines/~new").await.status, StatusCode::OK);
    site.machine("hello", HELLO).await;
}

#[tokio::test]
async fn a_forged_form_changes_nothing_where_no_session_is_wanted_either() {
    let site = Site::open().await;
    site.machine("hello", HELLO).await;
    for (origin, fetch) in [
        (Some("http://evil.example"), Some("cross-site")),
        (Some("http://localhost:9999"), Some("same-site")),
        (Some("null"), None),
        (None, None),
        (None, Some("none")),
    ] {
        let mut request = Request::post("/machines/hello/delete")
            .header("host", "localhost:7420")
            .header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in [("origin", origin), ("sec-fetch-site", fetch)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let page = site.ask(request.body(Body::from("name=hello")).unwrap()).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{origin:?} {fetch:?}");
    }
    assert!(site.engine.machine("hello").await.is_ok());
}

#[tokio::test]
async fn very_large_forms_are_refused() {
    let site = Site::open().await;
    let large = "x".repeat((4 << 20) + 1);
    let request = site.form("/machines/~check").body(Body::from(format!("definition={large}"))).unwrap();
    assert_eq!(site.ask(request).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let over = "x".repeat((1 << 20) + 1);
    let request = site.form("/machines/~check").body(Body::from(format!("definition={over}"))).unwrap();
    let page = site.ask(request).await;
    assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(page.html.contains("at most 1048576"), "{}", page.html);
    let value: Value = json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Comment": "y".repeat(1_048_000), "End": true}}});
    let page = site.post("/machines/~check", &[("definition", &value.to_string())]).await;
    assert_eq!(page.status, StatusCode::OK, "a definition of nearly 1 MiB is checked");
}
