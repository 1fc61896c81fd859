//! What processes say, from their pipes to a page.

use shipway_control::host::{Host, HostError, LogQuery};

use crate::host_kit::{Machine, id};

#[tokio::test]
async fn output_is_read_with_its_stream_and_process() {
    let machine = Machine::new();
    // The last write is one write: what has said `out` has said all.
    let script = "echo err >&2; printf 'out %s\\nno end' $SHIPWAY_PROCESS; exec sleep 1000";
    let mut start = machine.script("release-1", script).await;
    start.processes = 2;
    machine.start(&start).await;
    machine.has_said(&start, "out 0").await;
    machine.has_said(&start, "out 1").await;
    machine.stop(&start).await;
    let query = LogQuery { process: Some(1), lines: 100, after: None };
    let page = machine.host.logs(&start.group, &query).await.unwrap();
    let mut lines: Vec<(String, String)> =
        page.lines.iter().map(|line| (line.stream.clone(), line.text.clone())).collect();
    lines.sort();
    let expected = [
        ("stderr", "[shipway] stopped: signal 15"),
        ("stderr", "err"),
        ("stdout", "no end"),
        ("stdout", "out 1"),
    ];
    assert_eq!(lines, expected.map(|(stream, text)| (stream.to_owned(), text.to_owned())));
    assert!(page.lines.iter().all(|line| line.process == 1));
    assert!(page.lines.is_sorted_by_key(|line| line.time));
}

#[tokio::test]
async fn following_sees_every_line_once_across_files() {
    let machine = Machine::new();
    // 40 bytes and the rest of a JSON line: more than one file.
    let script = "i=0; while [ $i -lt 9 ]; do i=$((i+1)); head -c 1000000 /dev/zero | tr '\\0' x | fold -w 10000; \
                  echo; echo end $i; done; exec sleep 1000";
    let start = machine.script("release-1", script).await;
    machine.start(&start).await;
    let mut cursor = "0:0".to_owned();
    let mut ends = Vec::new();
    let mut bytes = 0;
    while ends.len() < 9 {
        let query = LogQuery { after: Some(cursor), ..LogQuery::default() };
        let page = machine.host.logs(&start.group, &query).await.unwrap();
        bytes += page
            .lines
            .iter()
            .filter(|line| line.text.starts_with('x'))
            .map(|line| line.text.len())
            .sum::<usize>();
        ends.extend(page.lines.into_iter().filter(|line| line.text.starts_with("end")).map(|line| line.text));
        cursor = page.cursor;
        tokio::task::yield_now().await;
    }
    assert_eq!(ends, (1..=9).map(|n| format!("end {n}")).collect::<Vec<_>>());
    assert_eq!(bytes, 9_000_000);
    assert!(cursor.starts_with("2:"), "{cursor}");
}

#[tokio::test]
async fn logs_stay_after_the_end_and_go_on_with_a_new_keeper() {
    let machine = Machine::new();
    let start = machine.script("release-1", "echo up; exec sleep 1000").await;
    machine.start(&start).await;
    machine.has_said(&start, "up").await;
    machine.kill_keeper(&start).await;
    machine.host.reconcile().await.unwrap();
    let count = async || machine.said(&start).await.iter().filter(|line| *line == "up").count();
    crate::host_kit::until(async || count().await == 2).await;
    machine.stop(&start).await;
    assert_eq!(count().await, 2);
}

#[tokio::test]
async fn an_unknown_group_has_no_logs() {
    let machine = Machine::new();
    let refused = machine.host.logs(&id("release-9"), &LogQuery::default()).await.unwrap_err();
    assert!(matches!(&refused, HostError::Io { .. }), "{refused}");
    assert!(refused.to_string().contains("acme/shop/production/web/release-9"), "{refused}");
}
