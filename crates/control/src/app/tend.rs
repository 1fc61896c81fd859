//! Looks after the host while the server runs: what should run and does not is started again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::{Either, select};
use tokio_util::sync::CancellationToken;

use super::Shipway;
use crate::{
    Millis,
    host::{GroupId, Mended},
};

/// Time between two looks: a group whose keeper was killed stands still that long at most.
const ROUND: Millis = Millis(2_000);

impl Shipway {
    /// Reconciles the host again and again until `stop` is cancelled.
    pub(super) async fn tend_host(self, stop: CancellationToken) {
        let clock = self.engine.clock();
        loop {
            let due = clock.now().plus_millis(ROUND.0);
            match select(Box::pin(stop.cancelled()), clock.sleep_until(due)).await {
                Either::Left(_) => break,
                Either::Right(_) => self.reconcile().await,
            }
        }
    }

    /// Starts again what should run and does not.
    pub(super) async fn reconcile(&self) {
        let found = match self.host.reconcile().await {
            Ok(reports) => Self::sort(reports),
            Err(error) => BTreeMap::from([(None, error.to_string())]),
        };
        for (group, reason) in self.troubles.replace(found) {
            match group {
                Some(group) => {
                    tracing::error!(%group, reason, "a service is down and cannot be started again")
                }
                None => tracing::error!(reason, "the host could not be reconciled"),
            }
        }
    }

    /// Tells what was mended; gives what could not be.
    fn sort(reports: Vec<Mended>) -> Found {
        let mut found = BTreeMap::new();
        for report in reports {
            match report {
                Mended::Done(what) => tracing::info!(what, "reconciled"),
                Mended::Failed { group, reason } => {
                    found.insert(group, reason);
                }
            }
        }
        found
    }
}

/// Reasons by group; without one: the machine itself.
type Found = BTreeMap<Option<GroupId>, String>;

/// What the last look found that cannot be mended.
#[derive(Clone, Debug, Default)]
pub(super) struct Troubles(Arc<Mutex<Found>>);

impl Troubles {
    /// Why a group does not run as it should.
    pub(super) fn of(&self, group: &GroupId) -> Option<String> {
        self.found().get(&Some(group.clone())).cloned()
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives what is new: a trouble is told once for as long as its reason stays the same.
    fn replace(&self, fresh: Found) -> Vec<(Option<GroupId>, String)> {
        let before = std::mem::replace(&mut *self.found(), fresh.clone());
        fresh.into_iter().filter(|(group, reason)| before.get(group) != Some(reason)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(reasons: &[(&str, &str)]) -> Found {
        let group = |service: &str| GroupId {
            project: "shop".to_owned(),
            environment: "production".to_owned(),
            service: service.to_owned(),
            release_id: "release-1".to_owned(),
        };
        reasons.iter().map(|(service, reason)| (Some(group(service)), (*reason).to_owned())).collect()
    }

    #[test]
    fn a_trouble_is_told_once_for_each_reason() {
        let troubles = Troubles::default();
        let told: Vec<usize> = [
            found(&[("web", "altered")]),
            found(&[("web", "altered")]),
            found(&[("web", "altered"), ("worker", "no room")]),
            found(&[("web", "no room"), ("worker", "no room")]),
            found(&[]),
            found(&[("web", "no room")]),
        ]
        .map(|fresh| troubles.replace(fresh).len())
        .to_vec();
        assert_eq!(told, [1, 0, 1, 1, 0, 1]);
    }
}
