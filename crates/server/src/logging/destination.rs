//! A machine's `loggingConfiguration` as far as it says what is logged, and where. Checks nothing that was accepted.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::level::Level;

/// Characters of a log group's name, as AWS has it.
const NAME_MAX: usize = 512;
/// Bytes of a file's name that are the log group's.
const FILE_NAME_MAX: usize = 200;

/// What is logged of a machine's executions, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// Which events.
    pub level: Level,
    /// Whether with inputs and outputs.
    pub has_data: bool,
    /// Name of the log group.
    pub group: String,
}

impl Logging {
    /// What a `loggingConfiguration` asks for; none if nothing is to be logged.
    pub fn read(configuration: &Value) -> Option<Self> {
        let level =
            Level::parse(configuration.get("level")?.as_str()?).filter(|level| *level != Level::Off)?;
        let has_data = configuration.get("includeExecutionData").and_then(Value::as_bool).unwrap_or(false);
        let arn = configuration.pointer("/destinations/0/cloudWatchLogsLogGroup/logGroupArn")?;
        Some(Self { level, has_data, group: group_name(arn.as_str()?)?.to_owned() })
    }
}

/// The name in the ARN of a log group, with or without `:*` behind it. None if it is no such ARN.
pub fn group_name(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(7, ':');
    let ("arn", Some(_), "logs", Some(_), Some(_), "log-group", rest) = (
        parts.next()?,
        parts.next(),
        parts.next()?,
        parts.next(),
        parts.next(),
        parts.next()?,
        parts.next()?,
    ) else {
        return None;
    };
    let name = rest.strip_suffix(":*").unwrap_or(rest);
    let is_known = |c: char| c.is_ascii_alphanumeric() || "_-/.#".contains(c);
    (!name.is_empty() && name.len() <= NAME_MAX && name.chars().all(is_known)).then_some(name)
}

/// The name of a log group's directory: one name is one directory, whatever is in it.
pub fn directory_name(group: &str) -> String {
    let mut name = String::new();
    for byte in group.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if is_plain || (byte == b'.' && !name.is_empty()) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    if name.len() > FILE_NAME_MAX {
        name.truncate(FILE_NAME_MAX - 34);
        let hash = hex::encode(Sha256::digest(group));
        name.push_str(&format!("%~{}", hash.get(..32).unwrap_or_default()));
    }
    name
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vendedlogs/states/orders:*";

    #[test]
    fn a_configuration_says_what_and_where() {
        let configuration = |level: &str| {
            json!({"level": level, "includeExecutionData": true,
                   "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": ARN}}]})
        };
        let logging = Logging::read(&configuration("ERROR")).unwrap();
        assert_eq!((logging.level, logging.has_data), (Level::Error, true));
        assert_eq!(logging.group, "/aws/vendedlogs/states/orders");
        assert_eq!(Logging::read(&configuration("OFF")), None);
        assert_eq!(Logging::read(&json!({"level": "ALL"})), None);
        assert_eq!(Logging::read(&Value::Null), None);
    }

    #[test]
    fn only_arns_of_log_groups_have_a_name() {
        assert_eq!(group_name("arn:aws:logs:eu-west-1:1:log-group:g"), Some("g"));
        for none in [
            "",
            "g",
            "arn:aws:s3:::g",
            "arn:aws:logs:eu-west-1:1:log-group:",
            "arn:aws:logs:e:1:log-group:a b",
        ] {
            assert_eq!(group_name(none), None, "{none}");
        }
    }

    #[test]
    fn a_name_stays_in_its_directory_and_is_no_other_ones() {
        assert_eq!(directory_name("/aws/states/a.b"), "%2Faws%2Fstates%2Fa.b");
        for odd in ["..", ".", "a/../b", ".hidden"] {
            let name = directory_name(odd);
            assert!(!name.contains('/') && !name.starts_with('.'), "{name}");
        }
        let long: Vec<String> =
            ["x", "y"].map(|end| directory_name(&format!("{}{end}", "/".repeat(511)))).into();
        assert!(long[0] != long[1] && long.iter().all(|name| name.len() <= FILE_NAME_MAX), "{long:?}");
    }
}
