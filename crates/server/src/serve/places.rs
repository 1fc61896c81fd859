//! Places of connections: how many there are, which of them wait for their clients, and who goes when none is left.
//! Knows no socket and no request.
//!
//! A connection waits for its client while the client has to send a head or a body, or to read an answer. When no place
//! is left, the connection that has waited for its client the longest is closed: so connections that do nothing, however
//! many, never keep out a client that does something. Long polls and event streams wait for us; they are counted
//! apart, and go only when nobody waits for a client.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// All places.
#[derive(Debug)]
pub struct Places {
    most: usize,
    table: Mutex<Table>,
    /// Rung when a place is free or could be made free.
    bell: Notify,
}

#[derive(Debug, Default)]
struct Table {
    taken: usize,
    /// How many of them were told to go and have not gone.
    leaving: usize,
    /// Grows with each change; the lowest number has waited the longest.
    turn: u64,
    waiting: BTreeMap<u64, CancellationToken>,
    parked: BTreeMap<u64, CancellationToken>,
}

/// A connection's place; free again when it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    end: CancellationToken,
    stand: Mutex<Stand>,
}

/// How a connection stands.
#[derive(Debug)]
struct Stand {
    doing: Doing,
    /// Its number in the table of those who do that.
    turn: u64,
    /// Whether its request is a long poll or a stream.
    is_long: bool,
}

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// It is worked for.
    Works,
    /// It waits for its client.
    Waits,
    /// It is a long poll or a stream that waits for us.
    Parks,
}

impl Places {
    /// So many places.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), table: Mutex::default(), bell: Notify::new() })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place whose connection waits for its client; somebody else's if none is free.
    pub async fn take(self: &Arc<Self>) -> Place {
        loop {
            let mut bell = pin!(self.bell.notified());
            // WHY: enabled before the look, so that a place that is freed between look and wait still rings.
            bell.as_mut().enable();
            {
                let mut table = self.table();
                if table.taken < self.most {
                    table.taken += 1;
                    return Place::new(Arc::clone(self), &mut table);
                }
                if table.leaving == 0 {
                    table.evict();
                }
            }
            bell.await;
        }
    }

    /// Closes the connection that can be missed the most, if any can.
    pub fn evict(&self) -> bool {
        self.table().evict()
    }

    /// Long polls and streams at once: half of the places.
    fn parked_max(&self) -> usize {
        self.most.div_ceil(2)
    }
}

impl Table {
    fn evict(&mut self) -> bool {
        let found = self.waiting.pop_first().or_else(|| self.parked.pop_first());
        if let Some((_, end)) = &found {
            end.cancel();
            self.leaving += 1;
        }
        found.is_some()
    }

    fn of(&mut self, doing: Doing) -> Option<&mut BTreeMap<u64, CancellationToken>> {
        match doing {
            Doing::Works => None,
            Doing::Waits => Some(&mut self.waiting),
            Doing::Parks => Some(&mut self.parked),
        }
    }
}

impl Place {
    fn new(places: Arc<Places>, table: &mut Table) -> Self {
        let stand = Stand { doing: Doing::Works, turn: 0, is_long: false };
        let place = Self { places, end: CancellationToken::new(), stand: Mutex::new(stand) };
        place.turn_to(table, &mut place.stand(), Doing::Waits);
        place
    }

    fn stand(&self) -> MutexGuard<'_, Stand> {
        self.stand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request has come.
    pub fn begins(&self) {
        let (mut table, mut stand) = (self.places.table(), self.stand());
        stand.is_long = false;
        self.turn_to(&mut table, &mut stand, Doing::Works);
    }

    /// The client is to do something now.
    pub fn waits(&self) {
        self.turn_to(&mut self.places.table(), &mut self.stand(), Doing::Waits);
        self.places.bell.notify_one();
    }

    /// The client has done what it was to do.
    pub fn goes_on(&self) {
        let (mut table, mut stand) = (self.places.table(), self.stand());
        let doing = if stand.is_long { Doing::Parks } else { Doing::Works };
        self.turn_to(&mut table, &mut stand, doing);
    }

    /// The request is a long poll or a stream. Not granted when there are too many of them.
    #[must_use]
    pub fn parks(&self) -> bool {
        let (mut table, mut stand) = (self.places.table(), self.stand());
        if table.parked.len() >= self.places.parked_max() {
            return false;
        }
        stand.is_long = true;
        self.turn_to(&mut table, &mut stand, Doing::Parks);
        self.places.bell.notify_one();
        true
    }

    /// Returns when the place is needed for somebody else.
    pub async fn is_needed(&self) {
        self.end.cancelled().await;
    }

    /// INVARIANT: a place is in the table of what it does, under the number that it knows, or was evicted from there.
    fn turn_to(&self, table: &mut Table, stand: &mut Stand, doing: Doing) {
        if let Some(left) = table.of(stand.doing) {
            left.remove(&stand.turn);
        }
        table.turn += 1;
        (stand.doing, stand.turn) = (doing, table.turn);
        if let Some(joined) = table.of(doing).filter(|_| !self.end.is_cancelled()) {
            joined.insert(stand.turn, self.end.clone());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.places.table();
        self.turn_to(&mut table, &mut self.stand(), Doing::Works);
        table.taken = table.taken.saturating_sub(1);
        table.leaving = table.leaving.saturating_sub(usize::from(self.end.is_cancelled()));
        self.places.bell.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_closed(place: &Place) -> bool {
        place.end.is_cancelled()
    }

    /// Takes a place while others give theirs up as they are told to.
    async fn take_from(places: &Arc<Places>, others: &mut Vec<Place>) -> Place {
        let mut taken = pin!(places.take());
        loop {
            tokio::select! {
                biased;
                place = &mut taken => return place,
                () = tokio::task::yield_now() => others.retain(|place| !is_closed(place)),
            }
        }
    }

    #[tokio::test]
    async fn who_has_waited_longest_goes_first_and_who_works_stays() {
        let places = Places::new(3);
        let mut others = vec![places.take().await, places.take().await, places.take().await];
        others[0].begins();
        let fourth = take_from(&places, &mut others).await;
        assert_eq!(others.len(), 2, "the second was closed: the first is worked for");
        others[1].begins();
        others[1].waits();
        others[0].waits();
        drop(fourth);
        let _fourth = places.take().await;
        let _fifth = take_from(&places, &mut others).await;
        assert_eq!(others.len(), 1, "the one that has done something least lately");
    }

    #[tokio::test]
    async fn what_is_worked_for_is_waited_for() {
        let places = Places::new(1);
        let busy = places.take().await;
        busy.begins();
        let mut taken = pin!(places.take());
        tokio::select! {
            biased;
            _ = &mut taken => panic!("there is no place"),
            () = tokio::task::yield_now() => {}
        }
        assert!(!is_closed(&busy));
        drop(busy);
        taken.await;
    }

    #[tokio::test]
    async fn polls_have_half_of_the_places_and_go_when_nobody_waits_for_a_client() {
        let places = Places::new(4);
        let mut others = Vec::new();
        for _ in 0..4 {
            others.push(places.take().await);
        }
        others.iter().for_each(Place::begins);
        assert!(others[0].parks() && others[1].parks() && !others[2].parks());
        others[3].waits();
        let fifth = take_from(&places, &mut others).await;
        assert_eq!(others.len(), 3);
        fifth.begins();
        let _sixth = take_from(&places, &mut others).await;
        assert_eq!(others.len(), 2, "the older poll went");
        assert!(others[0].stand().doing == Doing::Parks);
    }
}
