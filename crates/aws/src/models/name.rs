//! How Step Functions writes the names of a model: as the AWS SDK for Java 2.x does, with a capital first.

/// Names that the Java SDK cannot have and writes otherwise.
const RENAMED: &[(&str, &str)] = &[("equals", "EqualsValue"), ("NULL", "Nul")];

/// A member's name: `executionArn` is `ExecutionArn`, `DBInstanceArn` is `DbInstanceArn`, and `ETag`,
/// `SourceDBInstanceIdentifier` and `ChecksumCRC32` stay: only an acronym at the start is lowered.
pub fn member_name(name: &str) -> String {
    if let Some((_, renamed)) = RENAMED.iter().find(|(known, _)| *known == name) {
        return (*renamed).to_owned();
    }
    let lowered = action_name(name);
    let mut letters = lowered.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// A name with its leading acronym or letter in small letters: `DBInstance` is `dbInstance`.
pub(super) fn action_name(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let is = |at: usize, test: fn(&char) -> bool| letters.get(at).is_some_and(test);
    let mut lowered = 1;
    while is(lowered, char::is_ascii_uppercase) && !is(lowered + 1, char::is_ascii_lowercase) {
        lowered += 1;
    }
    let lower =
        |(at, letter): (usize, &char)| if at < lowered { letter.to_ascii_lowercase() } else { *letter };
    letters.iter().enumerate().map(lower).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_written_as_step_functions_does() {
        for (name, expected) in [
            ("executionArn", "ExecutionArn"),
            ("EventId", "EventId"),
            ("DBInstanceIdentifier", "DbInstanceIdentifier"),
            ("ETag", "ETag"),
            ("SSEKMSKeyId", "SsekmsKeyId"),
            ("MD5OfMessageBody", "Md5OfMessageBody"),
            ("S", "S"),
            ("BOOL", "Bool"),
            ("NULL", "Nul"),
            ("equals", "EqualsValue"),
            ("ARN", "Arn"),
            ("SourceDBInstanceIdentifier", "SourceDBInstanceIdentifier"),
            ("MultiAZ", "MultiAZ"),
            ("ChecksumCRC32", "ChecksumCRC32"),
            ("", ""),
        ] {
            assert_eq!(member_name(name), expected, "{name}");
        }
    }
}
