//! The order in which visits are shown: each in what it happens in, branch by branch and item by item.

use std::collections::BTreeMap;

use crate::fold::{Place, Visit};

/// Items of a Map that are shown in place; more of them have a page of their own.
const ITEMS_MAX: usize = 10;
/// Levels that are shown: each Parallel or Map is one.
const DEPTH_MAX: usize = 32;

/// A row of the table of states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// A visit, and how deep it is.
    Visit {
        /// Its number.
        visit: usize,
        /// How many Parallels and Maps are around it.
        depth: usize,
    },
    /// The head of a branch or item.
    Place {
        /// Which.
        place: Place,
        /// How many Parallels and Maps are around it.
        depth: usize,
    },
    /// The items of a Map, which are not shown here.
    Items {
        /// The Map's visit.
        visit: usize,
        /// How many Parallels and Maps are around it.
        depth: usize,
    },
}

/// All rows.
pub fn all(visits: &[Visit]) -> Vec<Row> {
    let mut rows = Vec::new();
    let top = (0..visits.len()).filter(|visit| visits.get(*visit).is_some_and(|visit| visit.place.is_none()));
    for visit in top {
        add(visits, visit, 0, &mut rows);
    }
    rows
}

/// The rows of all branches and items of a visit.
pub fn of_visit(visits: &[Visit], visit: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    add(visits, visit, 0, &mut rows);
    rows.into_iter().skip(1).collect()
}

/// The rows of one branch or item.
pub fn of_place(visits: &[Visit], wanted: Place) -> Vec<Row> {
    let mut rows = Vec::new();
    let outer = visits.get(wanted.outer);
    for &visit in outer.map(|outer| outer.inner.as_slice()).unwrap_or_default() {
        if visits.get(visit).and_then(|visit| visit.place) == Some(wanted) {
            add(visits, visit, 0, &mut rows);
        }
    }
    rows
}

fn add(visits: &[Visit], visit: usize, depth: usize, rows: &mut Vec<Row>) {
    rows.push(Row::Visit { visit, depth });
    let Some(shown) = visits.get(visit) else { return };
    if shown.inner.is_empty() || depth >= DEPTH_MAX {
        return;
    }
    let mut places: BTreeMap<(usize, u32), Vec<usize>> = BTreeMap::new();
    for &inner in &shown.inner {
        if let Some(place) = visits.get(inner).and_then(|inner| inner.place) {
            places.entry((place.attempt, place.index)).or_default().push(inner);
        }
    }
    if shown.kind == "Map" && places.len() > ITEMS_MAX {
        return rows.push(Row::Items { visit, depth: depth.saturating_add(1) });
    }
    let depth = depth.saturating_add(1);
    for ((attempt, index), inner) in places {
        rows.push(Row::Place { place: Place { outer: visit, attempt, index }, depth });
        for visit in inner {
            add(visits, visit, depth, rows);
        }
    }
}
