//! What the store keeps of a machine: its settings, versions, aliases and tags in one record, so that whoever changes
//! any of them changes them together. Decides nothing.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use shipway_asl::{MachineKind, Timestamp};

/// Tags in the order in which they were given.
pub type Tags = Vec<(String, String)>;

/// What a machine does and how: another value makes another revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The definition as it was given.
    pub definition: String,
    /// Whom its tasks act as; empty for Shipway's own machines.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role_arn: String,
    /// `loggingConfiguration` as it was given.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub logging: Value,
    /// `tracingConfiguration` as it was given.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub tracing: Value,
    /// `encryptionConfiguration` as it was given.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub encryption: Value,
}

/// A machine as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Number of its settings; only grows, also when it is deleted and made again.
    pub revision: u64,
    /// Its settings.
    #[serde(flatten)]
    pub settings: Settings,
    /// Standard or Express, for ever.
    #[serde(default)]
    pub kind: MachineKind,
    /// AWS's id of the revision; none for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision_id: Option<String>,
    /// Who made it.
    #[serde(default)]
    pub owner: Owner,
    /// Whether it is to go as soon as nothing of it runs any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_deleting: bool,
    /// When it was made.
    #[serde(default)]
    pub created_at: Timestamp,
    /// When its settings were changed last.
    #[serde(default)]
    pub updated_at: Timestamp,
    /// Whether the call that made it published a version, and how it described that: part of what makes a second
    /// call the same call.
    #[serde(default, deserialize_with = "as_given", skip_serializing_if = "Option::is_none")]
    pub published_at_birth: Option<Option<String>>,
    /// Number of the newest version that ever was.
    #[serde(default)]
    pub last_version: u64,
    /// Its versions, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<Version>,
    /// Its aliases, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Tags,
}

/// WHY: `null` says that there was no description, not that no version was published.
fn as_given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Machine {
    /// Whether this is still the machine that it was: not deleted, nor made anew, meanwhile.
    pub fn is_same(&self, before: &Self) -> bool {
        !self.is_deleting && self.created_at == before.created_at
    }
}

/// Who may change a machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// Shipway: its deployers. Nobody else may change or start it.
    #[default]
    Shipway,
    /// Whoever uses the API.
    User,
}

/// A published version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// 1, 2, 3, ...
    pub number: u64,
    /// The revision that it is.
    pub revision: u64,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was published.
    pub created_at: Timestamp,
}

/// A name for one version or two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// Unique in the machine.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where executions go.
    pub routes: Vec<Route>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A part of an alias's executions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Where they go.
    pub version: u64,
    /// How many of a hundred.
    pub weight: u64,
}

/// The settings that an execution runs by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Revision {
    /// The settings.
    #[serde(flatten)]
    pub settings: Settings,
    /// Standard or Express.
    pub kind: MachineKind,
    /// AWS's id of the revision; none for the first.
    pub revision_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// WHY: the store of an older Shipway keeps the definition alone, as text.
impl<'de> Deserialize<'de> for Revision {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            #[serde(flatten)]
            settings: Settings,
            #[serde(default)]
            kind: MachineKind,
            revision_id: Option<String>,
            #[serde(default)]
            created_at: Timestamp,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Kept {
            Text(String),
            Fields(Box<Fields>),
        }
        Ok(match Kept::deserialize(deserializer)? {
            Kept::Text(definition) => {
                Self { settings: Settings { definition, ..Settings::default() }, ..Self::default() }
            }
            Kept::Fields(fields) => Self {
                settings: fields.settings,
                kind: fields.kind,
                revision_id: fields.revision_id,
                created_at: fields.created_at,
            },
        })
    }
}

impl Machine {
    /// The settings as they stand, as an execution runs by them.
    pub fn current(&self) -> Revision {
        Revision {
            settings: self.settings.clone(),
            kind: self.kind,
            revision_id: self.revision_id.clone(),
            created_at: self.updated_at,
        }
    }

    /// A version that is not deleted.
    pub fn version(&self, number: u64) -> Option<&Version> {
        self.versions.iter().find(|version| version.number == number)
    }

    /// An alias.
    pub fn alias(&self, name: &str) -> Option<&Alias> {
        self.aliases.iter().find(|alias| alias.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_shipway_wrote_is_read() {
        let machine: Machine = serde_json::from_str(r#"{"revision":3,"definition":"{}"}"#).unwrap();
        assert_eq!(
            (machine.revision, machine.owner, machine.kind),
            (3, Owner::Shipway, MachineKind::Standard)
        );
        let revision: Revision = serde_json::from_str(r#""{}""#).unwrap();
        assert_eq!(revision.settings.definition, "{}");
    }

    #[test]
    fn a_revision_reads_what_it_writes() {
        let settings = Settings { definition: "{}".into(), role_arn: "r".into(), ..Settings::default() };
        let revision = Revision {
            settings,
            kind: MachineKind::Express,
            revision_id: Some("i".into()),
            created_at: Timestamp(7),
        };
        let text = serde_json::to_string(&revision).unwrap();
        assert_eq!(serde_json::from_str::<Revision>(&text).unwrap(), revision);
    }
}
