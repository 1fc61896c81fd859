//! A route in force: which process the next request goes to. Replaced as a whole, never changed.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use shipway_control::host::{Route, Target};

use super::{
    Context,
    counts::{Book, ReleaseCounts},
    schedule::schedule,
    upstream::Upstream,
};

/// A route with its processes and turns.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) route: Route,
    pub(super) targets: Vec<LiveTarget>,
    turns: Vec<usize>,
    turn: AtomicUsize,
}

/// One release in force. Without weight it has no upstreams: it only drains.
#[derive(Debug)]
pub(super) struct LiveTarget {
    pub(super) counts: Arc<ReleaseCounts>,
    pub(super) upstreams: Vec<Arc<Upstream>>,
    turn: AtomicUsize,
}

impl Live {
    /// The route that comes after `before`; processes that stay keep their pools, counts and health.
    pub(super) fn after(before: Option<&Self>, route: &Route, book: &Book, cx: &Context) -> Self {
        let start = |target: &Target| LiveTarget {
            counts: book.open(&target.release_id, &target.version),
            upstreams: upstreams(before, target, cx),
            turn: AtomicUsize::new(0),
        };
        let targets: Vec<LiveTarget> = route.targets.iter().map(start).collect();
        let weights: Vec<u32> = route.targets.iter().map(weight).collect();
        // WHY: without entropy the order is the same for each route, which only makes it easier to guess.
        let seed = getrandom::u64().unwrap_or(0);
        Self { route: route.clone(), targets, turns: schedule(&weights, seed), turn: AtomicUsize::new(0) }
    }

    /// Takes out the processes that `next` does not have. Call when `next` is in force.
    pub(super) fn retire_what_left(&self, next: Option<&Self>) {
        let stays = |upstream: &Arc<Upstream>| {
            next.is_some_and(|next| next.upstreams().any(|other| Arc::ptr_eq(upstream, other)))
        };
        self.upstreams().filter(|upstream| !stays(upstream)).for_each(|upstream| upstream.retire());
    }

    /// The release whose turn it is.
    pub(super) fn next_target(&self) -> Option<usize> {
        let turn = self.turn.fetch_add(1, Relaxed).checked_rem(self.turns.len())?;
        self.turns.get(turn).copied()
    }

    /// A process of the release that has not been tried, or of another one if there is none.
    pub(super) fn choose(
        &self,
        target: usize,
        tried: &[Arc<Upstream>],
    ) -> Option<(Arc<Upstream>, Arc<ReleaseCounts>)> {
        let own = self.targets.get(target).and_then(|own| own.choose(tried));
        own.or_else(|| self.targets.iter().find_map(|other| other.choose(tried)))
    }

    fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.targets.iter().flat_map(|target| &target.upstreams)
    }

    fn find(&self, target: &Target, port: u16) -> Option<Arc<Upstream>> {
        let same_release = self.targets.iter().filter(|live| live.counts.release_id == target.release_id);
        same_release
            .flat_map(|live| &live.upstreams)
            .find(|upstream| upstream.fits(port, &target.health))
            .cloned()
    }
}

impl LiveTarget {
    /// The fit process with the fewest requests in flight; if none is fit, one that is not.
    fn choose(&self, tried: &[Arc<Upstream>]) -> Option<(Arc<Upstream>, Arc<ReleaseCounts>)> {
        let len = self.upstreams.len();
        let start = if len > 1 { self.turn.fetch_add(1, Relaxed) % len } else { 0 };
        let from_start = self.upstreams.iter().cycle().skip(start).take(len);
        let untried = from_start.filter(|upstream| !tried.iter().any(|tried| Arc::ptr_eq(tried, upstream)));
        // WHY: a real error of an unfit process is better than none, and it may have recovered since its last probe.
        let best = untried.min_by_key(|upstream| (!upstream.health.is_fit(), upstream.in_flight()))?;
        Some((Arc::clone(best), Arc::clone(&self.counts)))
    }
}

fn weight(target: &Target) -> u32 {
    if target.ports.is_empty() { 0 } else { target.weight }
}

fn upstreams(before: Option<&Live>, target: &Target, cx: &Context) -> Vec<Arc<Upstream>> {
    if target.weight == 0 {
        return Vec::new();
    }
    let keep_or_start = |port: &u16| {
        let kept = before.and_then(|before| before.find(target, *port));
        kept.unwrap_or_else(|| Upstream::start(*port, &target.health, cx))
    };
    target.ports.iter().map(keep_or_start).collect()
}
