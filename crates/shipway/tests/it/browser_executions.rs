//! Executions of users' machines in a real browser: what failed, live progress, stopping, items, no scripts.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    chromium::Browser,
    rig::{Running, World},
};

/// A server whose API answers everybody, and a browser on its first page.
struct Desk {
    browser: Browser,
    url: String,
    server: Running,
    _world: World,
}

impl Desk {
    async fn new() -> Option<Self> {
        let mut browser = Browser::start().await?;
        let world = World::new();
        let mut server = world.start(&["serve", "--listen=127.0.0.1:0", "--no-auth"]);
        server.hear("serving");
        let record = std::fs::read_to_string(world.data().join("server.json")).unwrap();
        let record: Value = serde_json::from_str(&record).unwrap();
        let url = record["url"].as_str().unwrap().trim_end_matches('/').to_owned();
        browser.open(&format!("{url}/executions")).await;
        Some(Self { browser, url, server, _world: world })
    }

    /// Calls an action from within the page.
    async fn call(&mut self, action: &str, request: &Value) -> Value {
        let script = format!(
            "fetch('/', {{method: 'POST', headers: {{'x-amz-target': 'AWSStepFunctions.{action}'}}, body: {}}})\
             .then((answer) => answer.json())",
            json!(request.to_string())
        );
        self.browser.eval(&script).await
    }

    async fn run(&mut self, machine: &str, definition: &Value, input: &Value) -> String {
        let made = json!({"name": machine, "definition": definition.to_string(), "roleArn": "arn:aws:iam::000000000000:role/r"});
        let arn = self.call("CreateStateMachine", &made).await["stateMachineArn"].clone();
        self.call(
            "StartExecution",
            &json!({"stateMachineArn": arn, "name": "x", "input": input.to_string()}),
        )
        .await;
        format!("{}/executions/{machine}/x", self.url)
    }

    fn end(self) {
        self.server.signal(Signal::TERM);
        self.server.end().ends(0);
    }
}

fn items() -> Value {
    json!({"StartAt": "All", "States": {"All": {"Type": "Map", "ItemsPath": "$.items", "End": true,
        "ItemProcessor": {"StartAt": "Is", "States": {
            "Is": {"Type": "Choice", "Default": "Good", "Choices":
                [{"Variable": "$", "NumericEquals": 25, "Next": "Bad"}]},
            "Good": {"Type": "Pass", "End": true},
            "Bad": {"Type": "Fail", "Error": "Item.Bad", "Cause": "no such item"}}}}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_and_why_is_seen_without_scrolling() {
    let Some(mut desk) = Desk::new().await else { return };
    let cause = json!({"errorMessage": "closed", "stackTrace": vec!["a line of a trace"; 60]}).to_string();
    let machine = json!({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Ledger.Rejected", "Cause": cause}}});
    let input = json!({"lines": (0..200).collect::<Vec<_>>()});
    let url = desk.run("invoices", &machine, &input).await;
    let screen = json!({"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": false});
    desk.browser.call("Emulation.setDeviceMetricsOverride", screen).await;
    desk.browser.open(&url).await;
    for part in
        [".failure strong", ".failure .cause", ".failure .pair > div:nth-child(2) pre", "#actions button"]
    {
        let bottom = format!("document.querySelector({}).getBoundingClientRect().bottom", json!(part));
        let bottom = desk.browser.eval(&bottom).await.as_f64().unwrap();
        assert!(bottom <= 800.0, "{part} ends at {bottom}");
    }
    desk.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_execution_is_followed_to_its_end_with_one_navigation() {
    let Some(mut desk) = Desk::new().await else { return };
    let machine = json!({"StartAt": "Pause", "States": {
        "Pause": {"Type": "Wait", "Seconds": 3, "Next": "Last"}, "Last": {"Type": "Succeed"}}});
    let url = desk.run("short", &machine, &json!({})).await;
    desk.browser.open(&url).await;
    desk.browser.eval("window.isSamePage = true").await;
    desk.browser.wait_for("document.getElementById('live').textContent === 'ended'").await;
    assert_eq!(desk.browser.eval("window.isSamePage").await, json!(true), "the page was loaded anew");
    let state = "document.querySelector('g.state[aria-label^=\"Last\"]').dataset.s";
    assert_eq!(desk.browser.eval(state).await, json!("succeeded"));
    let text = "document.querySelector('#head .badge').textContent.includes('Succeeded')";
    assert_eq!(desk.browser.eval(text).await, json!(true));
    assert_eq!(desk.browser.eval("document.querySelector('#stop') === null").await, json!(true));
    desk.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_asks_first_and_says_why() {
    let Some(mut desk) = Desk::new().await else { return };
    let machine = json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}});
    let url = desk.run("long", &machine, &json!({})).await;
    desk.browser.open(&url).await;
    let is_shown = "document.querySelector('#stop button').checkVisibility()";
    assert_eq!(desk.browser.eval(is_shown).await, json!(false), "the button is behind a first one");
    desk.browser.eval("document.querySelector('#stop summary').click()").await;
    desk.browser.eval("document.querySelector('#stop [name=cause]').value = 'no longer needed'").await;
    desk.browser.eval("document.querySelector('#stop button').click()").await;
    desk.browser
        .wait_for("document.querySelector('#head .badge')?.textContent.includes('Aborted') === true")
        .await;
    let cause = "document.querySelector('.failure .cause').textContent";
    assert_eq!(desk.browser.eval(cause).await, json!("no longer needed"));
    desk.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_executions_need_no_scripts_and_fit_a_phone() {
    let Some(mut desk) = Desk::new().await else { return };
    let input = json!({"items": (0..40).collect::<Vec<_>>(), "<script>": "document.title = 'broken'"});
    let url = desk.run("many", &items(), &input).await;
    desk.browser.set_scripts(false).await;
    desk.browser.set_width(390).await;
    for path in ["", "/states/2", "/states/2/items", "/states/2/items/25", "/events", "/states?name=Bad"] {
        desk.browser.call("Page.navigate", json!({"url": format!("{url}{path}")})).await;
        desk.browser
            .wait_for("document.readyState === 'complete' && document.title.includes('Shipway')")
            .await;
        let overflow = desk.browser.eval("document.documentElement.scrollWidth - window.innerWidth").await;
        assert!(overflow.as_f64().unwrap() <= 0.0, "{path} is {overflow} pixels too wide for a phone");
        assert_eq!(desk.browser.eval("document.querySelectorAll('main script').length").await, json!(0));
    }
    desk.browser.open(&format!("{url}/states/2/items?status=failed&from=0")).await;
    let rows = desk.browser.eval("document.querySelectorAll('tbody tr').length").await;
    assert_eq!(rows, json!(1), "one item has failed");
    desk.end();
}
