//! How far a change moves a version. Knows nothing of commits.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use semver::{Prerelease, Version};
use serde::{Deserialize, Serialize};

/// How far a version moves.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Bump {
    /// Not at all.
    #[default]
    None,
    /// 1.2.3 to 1.2.4.
    Patch,
    /// 1.2.3 to 1.3.0.
    Minor,
    /// 1.2.3 to 2.0.0.
    Major,
}

impl fmt::Display for Bump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        })
    }
}

impl Bump {
    /// The next release. A pre-release of just that release becomes it: 2.0.0-rc.1 moves to 2.0.0 for any change.
    pub fn apply(self, version: &Version) -> Version {
        let is_pre = !version.pre.is_empty();
        let (major, minor, patch) = (version.major, version.minor, version.patch);
        match self {
            Self::None => version.clone(),
            Self::Patch if is_pre => Version::new(major, minor, patch),
            Self::Patch => Version::new(major, minor, patch.saturating_add(1)),
            Self::Minor if is_pre && patch == 0 => Version::new(major, minor, 0),
            Self::Minor => Version::new(major, minor.saturating_add(1), 0),
            Self::Major if is_pre && patch == 0 && minor == 0 => Version::new(major, 0, 0),
            Self::Major => Version::new(major.saturating_add(1), 0, 0),
        }
    }
}

/// What a breaking change does to a version below 1.0.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Zero {
    /// Breaking changes go to 1.0.0.
    Major,
    /// Breaking changes move the minor number, as features do.
    #[default]
    Minor,
    /// Everything one place down: breaking changes move the minor number, features the patch number.
    Shift,
}

impl fmt::Display for Zero {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Shift => "shift",
        })
    }
}

impl Zero {
    /// What a bump means for this version.
    pub fn limit(self, bump: Bump, version: &Version) -> Bump {
        match (self, bump) {
            _ if version.major > 0 => bump,
            (Self::Minor | Self::Shift, Bump::Major) => Bump::Minor,
            (Self::Shift, Bump::Minor) => Bump::Patch,
            (Self::Major | Self::Minor | Self::Shift, bump) => bump,
        }
    }
}

/// How commits become versions: `[release]` of `shipway.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What stands before the version in a tag's name.
    pub tag_prefix: String,
    /// What breaking changes do below 1.0.0.
    pub zero: Zero,
    /// How far each type of commit moves the version.
    pub types: BTreeMap<String, Bump>,
    /// The same for a commit of another type, or none.
    pub default_bump: Bump,
}

/// For deploying: each commit gets a version of its own.
impl Default for Rules {
    fn default() -> Self {
        let types =
            [("feat", Bump::Minor), ("fix", Bump::Patch), ("perf", Bump::Patch), ("revert", Bump::Patch)];
        Self {
            tag_prefix: "v".to_owned(),
            zero: Zero::default(),
            types: types.into_iter().map(|(kind, bump)| (kind.to_owned(), bump)).collect(),
            default_bump: Bump::Patch,
        }
    }
}

/// The version that a tag names, if it names one with this prefix. Build metadata is not part of a version here.
pub fn tag_version(tag: &str, prefix: &str) -> Option<Version> {
    let version = Version::parse(tag.strip_prefix(prefix)?).ok()?;
    version.build.is_empty().then_some(version)
}

/// Whether the version is a full release.
pub fn is_release(version: &Version) -> bool {
    version.pre == Prerelease::EMPTY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pre_release_becomes_the_release_it_announces() {
        for (from, bump, to) in [
            ("1.2.3", Bump::None, "1.2.3"),
            ("1.2.3", Bump::Patch, "1.2.4"),
            ("1.2.3", Bump::Minor, "1.3.0"),
            ("1.2.3", Bump::Major, "2.0.0"),
            ("1.2.4-rc.1", Bump::Patch, "1.2.4"),
            ("1.2.4-rc.1", Bump::Minor, "1.3.0"),
            ("1.3.0-rc.1", Bump::Minor, "1.3.0"),
            ("2.0.0-rc.1", Bump::Patch, "2.0.0"),
            ("2.0.0-rc.1", Bump::Major, "2.0.0"),
            ("2.1.0-rc.1", Bump::Major, "3.0.0"),
        ] {
            assert_eq!(bump.apply(&from.parse().unwrap()).to_string(), to, "{from} {bump}");
        }
    }

    #[test]
    fn the_zero_policy_ends_at_one() {
        let (zero, one) = (Version::new(0, 3, 1), Version::new(1, 0, 0));
        for policy in [Zero::Major, Zero::Minor, Zero::Shift] {
            assert_eq!(policy.limit(Bump::Major, &one), Bump::Major);
            assert_eq!(policy.limit(Bump::Patch, &zero), Bump::Patch);
            assert_eq!(policy.limit(Bump::None, &zero), Bump::None);
        }
        assert_eq!(Zero::Major.limit(Bump::Major, &zero), Bump::Major);
        assert_eq!(Zero::Minor.limit(Bump::Major, &zero), Bump::Minor);
        assert_eq!(Zero::Minor.limit(Bump::Minor, &zero), Bump::Minor);
        assert_eq!(Zero::Shift.limit(Bump::Major, &zero), Bump::Minor);
        assert_eq!(Zero::Shift.limit(Bump::Minor, &zero), Bump::Patch);
    }

    #[test]
    fn only_a_tag_of_this_prefix_is_a_version() {
        assert_eq!(tag_version("v1.2.3", "v"), Some(Version::new(1, 2, 3)));
        assert_eq!(tag_version("web/v1.2.3", "web/v"), Some(Version::new(1, 2, 3)));
        for tag in ["1.2.3", "web/v1.2.3", "v1.2", "v01.2.3", "vv1.2.3", "v1.2.3+abc", "latest"] {
            assert_eq!(tag_version(tag, "v"), None, "{tag}");
        }
    }
}
