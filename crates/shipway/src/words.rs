//! Numbers and times as people read them, and tables. Pure.

use shipway_asl::Timestamp;

/// `340 ms`, `2.1 s`, `3 min 20 s`, `5 h 1 min`, `2 d 3 h`.
pub fn span(millis: u64) -> String {
    let seconds = millis / 1_000;
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds}.{} s", millis % 1_000 / 100),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// `3 min 20 s ago`.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    format!("{} ago", span(now.millis_since(then)))
}

/// `1 service`, `2 services`.
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A number with its thousands apart: `50,000`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The first eight characters of a hash.
pub fn short(hash: &str) -> &str {
    hash.get(..8).unwrap_or(hash)
}

/// The text, without what could move a terminal's cursor, in at most so many characters.
pub fn clean(text: &str, chars_max: usize) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut clean: String = printable.clone().take(chars_max).collect();
    if printable.count() > chars_max {
        clean.pop();
        clean.push('…');
    }
    clean
}

/// Columns that stand under each other, two spaces apart; the first row is the head. Cells carry no styles.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let padding = width.saturating_sub(cell.chars().count()).saturating_add(2);
            line.push_str(cell);
            line.push_str(&" ".repeat(padding));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A table's row.
pub fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn spans_are_short() {
        let spans = [0, 340, 2_150, 59_999, 200_000, 18_060_000, 183_600_000].map(span);
        assert_eq!(spans, ["0 ms", "340 ms", "2.1 s", "59.9 s", "3 min 20 s", "5 h 1 min", "2 d 3 h"]);
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(
            [0, 999, 1_000, 50_000, 1_234_567].map(thousands),
            ["0", "999", "1,000", "50,000", "1,234,567"]
        );
    }

    #[test]
    fn text_of_others_cannot_move_the_cursor() {
        assert_eq!(clean("a\x1b[2Jb\n", 10), "a [2Jb ");
        assert_eq!(clean("abcdef", 4), "abc…");
    }

    #[test]
    fn columns_stand_under_each_other() {
        let rows = [row(["A", "LONG", "C"]), row(["äöü", "b", ""])];
        expect![[r#"
            A    LONG  C
            äöü  b
        "#]]
        .assert_eq(&table(&rows));
    }
}
