//! The pages of machines in a real browser: signing in, the editor with what the server says as somebody types, the
//! start form; and all of it without scripts, on a phone.

use serde_json::json;

use crate::{chromium::Browser, world::World};

const HELLO: &str = r#"{"StartAt": "Hello", "States": {"Hello": {"Type": "Pass", "End": true}}}"#;

/// Sets what a field holds, as typing would.
fn typed(name: &str, text: &str) -> String {
    format!(
        "(() => {{ const field = document.getElementById('f-{name}'); field.value = {}; \
         field.dispatchEvent(new Event('input', {{bubbles: true}})); }})()",
        json!(text)
    )
}

/// Presses the button with these words.
fn pressed(words: &str) -> String {
    format!(
        "[...document.querySelectorAll('button')].find((one) => one.textContent === {}).click()",
        json!(words)
    )
}

async fn sign_in(browser: &mut Browser, world: &World, next: &str) {
    browser.open(&format!("{}/sign-in?next={}", world.url(), next.replace('/', "%2F"))).await;
    browser.eval(&typed("token", &world.token())).await;
    browser.go(&pressed("Sign in"), &format!("location.pathname === {}", json!(next))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_written_with_live_findings_and_started() {
    let Some(mut browser) = Browser::start().await else { return };
    let mut world = World::new("");
    world.start_server();
    sign_in(&mut browser, &world, "/machines/~new").await;
    browser.eval("window.isSamePage = true").await;
    browser.eval(&typed("definition", &HELLO.replace("\"End\": true", "\"Next\": \"Nowhere\""))).await;
    let found = |text: &str| format!("document.getElementById('findings').textContent.includes('{text}')");
    browser.wait_for(&found("MISSING_TRANSITION_TARGET")).await;
    browser.eval(&typed("definition", HELLO)).await;
    browser.wait_for(&found("No errors and no warnings")).await;
    browser.wait_for("!!document.querySelector('#picture g.state[aria-label^=\"Hello\"]')").await;
    assert_eq!(browser.eval("window.isSamePage").await, json!(true), "the page was loaded anew");
    browser.eval(&typed("name", "hello")).await;
    browser.go(&pressed("Create"), "location.pathname === '/machines/hello'").await;
    browser.open(&format!("{}/machines/hello/start", world.url())).await;
    browser.eval(&typed("input", "{\"a\": }")).await;
    browser.go(&pressed("Start"), "!!document.querySelector('[aria-invalid]')").await;
    let kept = browser.eval("document.getElementById('f-input').value").await;
    assert_eq!(kept, json!("{\"a\": }"));
    browser.eval(&typed("input", "{\"a\": 1}")).await;
    browser.go(&pressed("Start"), "location.pathname.startsWith('/executions/')").await;
    assert_eq!(browser.eval("document.body.textContent.includes('hello')").await, json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_lost_its_session_is_sent_again_after_signing_in() {
    let Some(mut browser) = Browser::start().await else { return };
    let mut world = World::new("");
    world.start_server();
    let port = world.server_port().unwrap();
    sign_in(&mut browser, &world, "/machines/~new").await;
    browser.eval(&typed("definition", HELLO)).await;
    browser.eval(&typed("name", "kept")).await;
    world.kill_server();
    world.start_server_at(&format!("127.0.0.1:{port}"));
    browser.go(&pressed("Create"), "document.body.textContent.includes('nothing is lost')").await;
    let session = format!(
        "fetch('/sign-in', {{method: 'POST', redirect: 'manual', body: new URLSearchParams({{token: {}}})}}).then(() => true)",
        json!(world.token())
    );
    browser.eval(&session).await;
    browser.go("setTimeout(() => location.reload(), 0)", "location.pathname === '/machines/kept'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_a_machine_works_without_scripts_and_fits_a_phone() {
    let Some(mut browser) = Browser::start().await else { return };
    let mut world = World::new("");
    world.start_server();
    browser.set_scripts(false).await;
    browser.set_width(390).await;
    sign_in(&mut browser, &world, "/machines/~new").await;
    browser.eval(&typed("definition", "{\"StartAt\": 7}")).await;
    browser.go(&pressed("Check"), "!!document.querySelector('.findings li')").await;
    browser.eval(&typed("definition", HELLO)).await;
    browser.eval(&typed("name", "a-machine-with-a-rather-long-name-such-as-teams-give-them")).await;
    browser.eval("document.getElementById('f-publish').checked = true").await;
    browser.go(&pressed("Create"), "location.pathname.startsWith('/machines/a-machine')").await;
    let machine =
        format!("{}/machines/a-machine-with-a-rather-long-name-such-as-teams-give-them", world.url());
    browser.open(&format!("{machine}/start")).await;
    browser.go(&pressed("Start"), "location.pathname.startsWith('/executions/')").await;
    let mut pages: Vec<String> = ["", "/edit", "/start", "/delete", "/versions", "/versions/1"]
        .iter()
        .map(|page| format!("{machine}{page}"))
        .collect();
    pages.extend(
        ["/machines", "/activities", "/sign-in", "/machines/host"]
            .map(|page| format!("{}{page}", world.url())),
    );
    for page in pages {
        browser.open(&page).await;
        assert_eq!(browser.eval("!!document.querySelector('h1')").await, json!(true), "{page}");
        let overflow = browser.eval("document.documentElement.scrollWidth - window.innerWidth").await;
        assert!(overflow.as_f64().unwrap() <= 0.0, "{page} is {overflow} pixels too wide for a phone");
    }
}
