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

/// Words with a capital each, as the AWS SDK for Java 2.x names classes: `DynamoDB` is `DynamoDb`, `Secrets Manager`
/// is `SecretsManager`, `KMSInvalidState` is `KmsInvalidState`.
pub fn pascal_case(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let at = |index: usize| letters.get(index).copied().unwrap_or(' ');
    let mut result = String::with_capacity(text.len());
    let mut is_start = true;
    for (index, letter) in letters.iter().copied().enumerate() {
        let (before, after) = (if index == 0 { ' ' } else { at(index - 1) }, at(index + 1));
        let is_hump = letter.is_ascii_uppercase()
            && (before.is_ascii_lowercase() && after.is_ascii_alphanumeric()
                || before.is_ascii_uppercase() && after.is_ascii_lowercase());
        let is_after_number = before.is_ascii_digit() && letter.is_ascii_alphabetic();
        is_start |= is_hump || is_after_number;
        if !letter.is_ascii_alphanumeric() {
            is_start = true;
            continue;
        }
        result.push(if is_start { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() });
        is_start = false;
    }
    result
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
    fn classes_are_written_as_the_java_sdk_does() {
        for (name, expected) in [
            ("DynamoDB", "DynamoDb"),
            ("Secrets Manager", "SecretsManager"),
            ("SFN", "Sfn"),
            ("S3", "S3"),
            ("EC2", "Ec2"),
            ("IoT", "Iot"),
            ("Route 53", "Route53"),
            ("Elastic Load Balancing v2", "ElasticLoadBalancingV2"),
            ("CloudWatch Logs", "CloudWatchLogs"),
            ("codestar-connections", "CodestarConnections"),
            ("KMSInvalidStateException", "KmsInvalidStateException"),
            ("DBInstanceNotFound", "DbInstanceNotFound"),
        ] {
            assert_eq!(pascal_case(name), expected, "{name}");
        }
    }

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
