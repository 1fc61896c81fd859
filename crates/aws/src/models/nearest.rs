//! Finds the known name that was most likely meant.

/// Longest name that is compared; a longer one is nobody's slip.
const CHARS_MAX: usize = 100;

/// The candidate that differs least from `name`, if it differs little enough to be meant.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.chars().count() / 4).min(3);
    if name.chars().count() > CHARS_MAX {
        return None;
    }
    let by_distance = candidates.map(|candidate| (distance(name, candidate), candidate));
    by_distance.filter(|(distance, _)| *distance <= allowed).min().map(|(_, candidate)| candidate)
}

/// Letters to add, take away or replace to make one word of the other; capitals do not count.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_ascii_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, letter) in a.to_ascii_lowercase().chars().enumerate() {
        let (mut left, mut diagonal) = (line + 1, line);
        let mut next = vec![left];
        for (other, above) in b.iter().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(letter != *other)).min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        for (a, b, expected) in [("", "", 0), ("kitten", "sitting", 3), ("S3", "s3", 0), ("", "abc", 3)] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
        let known = ["getObject", "putObject"];
        assert_eq!(nearest("getObjct", known.into_iter()), Some("getObject"));
        assert_eq!(nearest("deleteBucket", known.into_iter()), None);
    }
}
