//! Which states and transitions of a machine rehearsals went through. Does not say how much is enough.

use std::collections::{BTreeMap, BTreeSet};

use super::{Hop, Rehearsed};
use crate::outline::{Outline, OutlineState, OutlineTransition, TransitionKind};

/// States and transitions of one machine, and how often each was gone through.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage {
    /// Each state, in the order of the document, and how often it was entered.
    pub states: Vec<(String, u64)>,
    /// Each transition, in the order of the document.
    pub edges: Vec<Edge>,
    places: BTreeMap<String, usize>,
}

/// One transition, and how often it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The state that it leaves.
    pub from: String,
    /// The place among the transitions of that state in the outline.
    pub place: usize,
    /// Where it leads, why, and its label.
    pub transition: OutlineTransition,
    /// How often it was taken.
    pub count: u64,
}

/// A transition that is known by its place, however many others lead to the same state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    /// The state that it leaves.
    pub from: String,
    /// The place among the transitions of that state in the outline.
    pub place: usize,
}

impl Coverage {
    /// Nothing of this machine has been gone through.
    pub fn new(outline: &Outline) -> Self {
        let mut coverage = Self { states: Vec::new(), edges: Vec::new(), places: BTreeMap::new() };
        coverage.collect(outline);
        coverage
    }

    fn collect(&mut self, outline: &Outline) {
        for state in &outline.states {
            self.places.insert(state.name.clone(), self.states.len());
            self.states.push((state.name.clone(), 0));
            self.edges.extend(edges(state));
            state.branches.iter().for_each(|branch| self.collect(branch));
        }
    }

    /// Adds what one rehearsal went through. Transitions of one state that lead to the same state for the
    /// same reason cannot be told apart by the history: `taken` says which they were (see [`Probes`](super::Probes)).
    pub fn add(&mut self, rehearsed: &Rehearsed, taken: &BTreeSet<Taken>) {
        for visit in &rehearsed.visits {
            let place = self.places.get(&visit.state).copied();
            if let Some((_, count)) = place.and_then(|place| self.states.get_mut(place)) {
                *count += 1;
            }
        }
        for hop in &rehearsed.hops {
            self.count(hop, taken);
        }
    }

    fn count(&mut self, hop: &Hop, taken: &BTreeSet<Taken>) {
        let mut fitting: Vec<&mut Edge> = self.edges.iter_mut().filter(|edge| edge.fits(hop)).collect();
        if fitting.iter().any(|edge| edge.is_reason(hop)) {
            fitting.retain(|edge| edge.is_reason(hop));
        }
        if fitting.len() > 1 {
            fitting.retain(|edge| taken.contains(&Taken { from: edge.from.clone(), place: edge.place }));
        }
        for edge in fitting {
            edge.count += 1;
        }
    }

    /// How many states were entered, and how many there are.
    pub fn states_covered(&self) -> (usize, usize) {
        (self.states.iter().filter(|(_, count)| *count > 0).count(), self.states.len())
    }

    /// How many transitions were taken, and how many there are.
    pub fn edges_covered(&self) -> (usize, usize) {
        (self.edges.iter().filter(|edge| edge.count > 0).count(), self.edges.len())
    }

    /// The share of states and transitions that were gone through, in percent; 100 for nothing to go through.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    pub fn percent(&self) -> f64 {
        let ((states, states_all), (edges, edges_all)) = (self.states_covered(), self.edges_covered());
        match states_all + edges_all {
            0 => 100.0,
            all => (states + edges) as f64 * 100.0 / all as f64,
        }
    }
}

fn edges(state: &OutlineState) -> impl Iterator<Item = Edge> {
    state.transitions.iter().enumerate().map(|(place, transition)| Edge {
        from: state.name.clone(),
        place,
        transition: transition.clone(),
        count: 0,
    })
}

impl Edge {
    fn fits(&self, hop: &Hop) -> bool {
        self.from == hop.from && self.transition.to == hop.to
    }

    fn is_reason(&self, hop: &Hop) -> bool {
        (self.transition.kind == TransitionKind::Catch) == hop.is_caught
    }
}
