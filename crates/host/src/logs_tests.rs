//! Pages of logs, across files and while files go.

use std::io::Write;

use shipway_asl::Timestamp;

use super::*;

fn append(dir: &Path, file: u64, range: std::ops::Range<i64>) {
    let mut out = File::options().create(true).append(true).open(dir.join(file_name(file))).unwrap();
    for n in range {
        let line = LogLine {
            time: Timestamp(n),
            process: u16::try_from(n % 2).unwrap(),
            stream: "stdout".to_owned(),
            text: format!("line {n}"),
        };
        writeln!(out, "{}", serde_json::to_string(&line).unwrap()).unwrap();
    }
}

fn times(page: &LogPage) -> Vec<i64> {
    page.lines.iter().map(|line| line.time.0).collect()
}

#[test]
fn the_last_lines_come_from_as_many_files_as_needed() {
    let dir = tempfile::tempdir().unwrap();
    append(dir.path(), 1, 0..4);
    append(dir.path(), 2, 4..6);
    let page = |process, lines| read(dir.path(), &LogQuery { process, lines, after: None }).unwrap();
    assert_eq!(times(&page(None, 3)), [3, 4, 5]);
    assert_eq!(times(&page(None, 100)), [0, 1, 2, 3, 4, 5]);
    assert_eq!(times(&page(Some(1), 2)), [3, 5]);
    assert!(page(None, 0).lines.is_empty());
}

#[test]
fn following_misses_nothing_and_repeats_nothing() {
    let dir = tempfile::tempdir().unwrap();
    append(dir.path(), 1, 0..2);
    let first = read(dir.path(), &LogQuery { lines: 1, ..LogQuery::default() }).unwrap();
    assert_eq!(times(&first), [1]);
    append(dir.path(), 1, 2..4);
    append(dir.path(), 2, 4..7);
    File::options().append(true).open(dir.path().join(file_name(2))).unwrap().write_all(b"{\"ti").unwrap();
    let mut seen = Vec::new();
    let mut cursor = first.cursor;
    loop {
        let query = LogQuery { process: None, lines: 2, after: Some(cursor.clone()) };
        let page = read(dir.path(), &query).unwrap();
        seen.extend(times(&page));
        if page.cursor == cursor {
            break;
        }
        cursor = page.cursor;
    }
    assert_eq!(seen, [2, 3, 4, 5, 6]);
}

#[test]
fn a_cursor_into_a_file_that_is_gone_goes_on_with_the_oldest() {
    let dir = tempfile::tempdir().unwrap();
    append(dir.path(), 5, 50..52);
    let query = LogQuery { after: Some("2:700".to_owned()), ..LogQuery::default() };
    assert_eq!(times(&read(dir.path(), &query).unwrap()), [50, 51]);
}

#[test]
fn no_output_yet_is_an_empty_page_to_go_on_from() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs");
    let page = read(&logs, &LogQuery { lines: 5, ..LogQuery::default() }).unwrap();
    assert!(page.lines.is_empty());
    fs::create_dir(&logs).unwrap();
    append(&logs, 1, 0..1);
    let page = read(&logs, &LogQuery { after: Some(page.cursor), ..LogQuery::default() }).unwrap();
    assert_eq!(times(&page), [0]);
    let refused = read(&logs, &LogQuery { after: Some("x".to_owned()), ..LogQuery::default() }).unwrap_err();
    assert!(refused.to_string().contains("not a cursor"), "{refused}");
}
