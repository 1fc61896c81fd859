//! The live page in a real browser: one navigation, then only the event stream.

use serde_json::json;

use crate::{chromium::Browser, world::World};

const SETTINGS: &str = "bake = \"3s\"\n";

fn execution_url(world: &World) -> String {
    let id = world.newest().unwrap()["id"].as_str().unwrap().to_owned();
    format!("{}/executions/host/{id}", world.url())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_followed_to_its_end_with_one_navigation() {
    let Some(mut browser) = Browser::start().await else { return };
    let mut world = World::new(SETTINGS);
    world.start_server();
    world.run(&["deploy", "production", "--detach"]).ends(0);
    let url = execution_url(&world);
    browser.open(&url).await;
    browser.eval("window.isSamePage = true").await;
    browser.wait_for("document.getElementById('live').textContent === 'ended'").await;
    assert_eq!(browser.eval("window.isSamePage").await, json!(true), "the page was loaded anew");
    let state = "document.querySelector('g.state[aria-label^=\"Succeeded\"]').dataset.s";
    assert_eq!(browser.eval(state).await, json!("succeeded"));
    let last = world.newest().unwrap()["last_event_id"].clone();
    let rows = browser.eval("document.querySelectorAll('#events tr').length").await;
    assert_eq!(rows, last, "an event is missing or stands twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_goes_on_after_the_server_was_killed_and_started_again() {
    let Some(mut browser) = Browser::start().await else { return };
    let mut world = World::new(SETTINGS);
    world.start_server();
    let port = world.server_port().unwrap();
    world.run(&["deploy", "production", "--detach"]).ends(0);
    browser.open(&execution_url(&world)).await;
    browser.wait_for("document.getElementById('live').textContent === 'live'").await;
    world.kill_server();
    browser.wait_for("document.getElementById('live').textContent === 'reconnecting'").await;
    world.start_server_at(&format!("127.0.0.1:{port}"));
    browser.wait_for("document.getElementById('live').textContent === 'ended'").await;
    let deployment = world.ended();
    let rows = browser.eval("document.querySelectorAll('#events tr').length").await;
    assert_eq!(rows, deployment["last_event_id"], "an event is missing or stands twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_whole_without_scripts_and_fits_a_phone() {
    let Some(mut browser) = Browser::start().await else { return };
    let mut world = World::new("");
    world.start_server();
    world.commit("feat: <script>document.title = 'broken'</script>", json!({}));
    world.run(&["deploy", "production"]).ends(0);
    let url = world.url();
    let pages = [
        format!("{url}/"),
        format!("{url}/executions"),
        execution_url(&world),
        format!("{url}/services/shop/production/web"),
        format!("{url}/machines"),
    ];
    browser.set_scripts(false).await;
    browser.set_width(390).await;
    for page in &pages {
        browser.open(page).await;
        let title = browser.eval("document.title").await;
        assert!(title.as_str().is_some_and(|title| title.contains("Shipway")), "{page}: {title}");
        let overflow = browser.eval("document.documentElement.scrollWidth - window.innerWidth").await;
        assert!(overflow.as_f64().unwrap() <= 0.0, "{page} is {overflow} pixels too wide for a phone");
        let scripts = browser.eval("document.querySelectorAll('main script').length").await;
        assert_eq!(scripts, json!(0), "{page}: a commit's subject became a script");
    }
    browser.open(&pages[2]).await;
    assert_eq!(browser.eval("document.querySelectorAll('g.state').length > 10").await, json!(true));
}
