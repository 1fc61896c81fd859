//! Machines as text and as pictures.

use expect_test::expect;
use shipway_asl::{Outline, OutlineState, OutlineTransition, TransitionKind};
use shipway_server::{App, StateStatus, Statuses, render_svg, render_text};

use crate::support::Server;

async fn outline(name: &str) -> Outline {
    Server::new().app.machine(name).await.unwrap().outline.unwrap()
}

#[tokio::test]
async fn a_machine_reads_as_a_tree() {
    expect![[r#"
        ● Collect
        Collect  Parallel
          ──> Teams
          ┌ branch 1
            ● Costs
            Costs    Task
              ──> Convert
            Convert  Pass  ■
          ┌ branch 2
            ● Findings
            Findings  Task  ■
          ╌╌> Tell  on States.ALL
        Teams    Map
          ──> Publish
          ┌ for each item
            ● Page
            Page  Task  ■
        Publish  Task  ■
        Tell     Fail  ■
    "#]]
    .assert_eq(&render_text(&outline("nightly-report").await));
}

#[tokio::test]
async fn a_drawing_stands_alone() {
    let statuses = Statuses::from([("Deploy".to_owned(), StateStatus::Running)]);
    let svg = render_svg(&outline("host").await, &statuses);
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
    assert!(svg.contains("xmlns=\"http://www.w3.org/2000/svg\"") && svg.contains("<style>"));
    assert!(svg.contains("aria-label=\"Deploy: running\"") && svg.contains("aria-label=\"Shift: waiting\""));
    assert!(!svg.contains("NaN"), "{svg}");
    assert_eq!(svg, render_svg(&outline("host").await, &statuses), "the same machine gives the same drawing");
}

fn state(name: &str, to: &[&str]) -> OutlineState {
    let transitions = to.iter().map(|to| OutlineTransition {
        to: (*to).to_owned(),
        kind: TransitionKind::Catch,
        label: None,
    });
    OutlineState {
        name: name.to_owned(),
        kind: "Task".to_owned(),
        comment: Some("<b>".to_owned()),
        transitions: transitions.collect(),
        branches: Vec::new(),
    }
}

#[test]
fn odd_machines_are_drawn() {
    let many: Vec<String> = (0..1_000).map(|number| format!("S{number}")).collect();
    let cases = [
        (vec![], "nothing"),
        (vec![state("itself", &["itself", "itself"])], "itself"),
        (vec![state("lost", &["nowhere"]), state("<script>&\"", &["lost"])], "nowhere"),
        (many.iter().map(|name| state(name, &["S0"])).collect(), "S0"),
    ];
    for (states, start_at) in cases {
        let outline = Outline { start_at: start_at.to_owned(), states };
        let svg = render_svg(&outline, &Statuses::new());
        assert!(svg.starts_with("<svg ") && !svg.contains("<script>") && !svg.contains("NaN"), "{start_at}");
    }
}
