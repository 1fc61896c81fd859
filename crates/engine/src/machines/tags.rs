//! Tags of machines. Those of activities are in `activities`.

use super::{
    Change, Error, Tags, change,
    registry::{standing, users},
};
use crate::engine::Engine;

/// Tags of one machine or activity, as AWS has it.
pub const TAGS_MAX: usize = 50;

impl Engine {
    /// Adds tags to a machine; a key that is there gets the new value.
    pub async fn tag_machine(&self, machine: &str, tags: &Tags) -> Result<(), Error> {
        change(self.store(), machine, |found| {
            let machine = users(standing(found), machine)?;
            add_tags(&mut machine.tags, tags);
            check(&machine.tags)?;
            Ok(Change::write(()))
        })
        .await
    }

    /// Takes tags from a machine; a key that is not there is passed over.
    pub async fn untag_machine(&self, machine: &str, keys: &[String]) -> Result<(), Error> {
        change(self.store(), machine, |found| {
            let machine = users(standing(found), machine)?;
            machine.tags.retain(|(key, _)| !keys.contains(key));
            Ok(Change::write(()))
        })
        .await
    }
}

/// Puts tags among others, each key once.
pub fn add_tags(tags: &mut Tags, more: &Tags) {
    for (key, value) in more {
        match tags.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => known.clone_from(value),
            None => tags.push((key.clone(), value.clone())),
        }
    }
}

/// There is a limit.
pub(super) fn check(tags: &Tags) -> Result<(), Error> {
    match tags.len() > TAGS_MAX {
        true => Err(Error::TooMany { what: "tags", most: TAGS_MAX }),
        false => Ok(()),
    }
}
