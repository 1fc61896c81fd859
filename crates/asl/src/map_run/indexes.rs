//! Numbers in few bytes: ascending ranges, for the children that run, and runs of equal sizes, for their items.

use serde::{Deserialize, Serialize};

/// A set of numbers as ascending ranges that do not touch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Indexes(Vec<(u32, u32)>);

impl Indexes {
    /// Adds `from..to`, which lie above all that are in.
    pub fn push(&mut self, from: u32, to: u32) {
        if from >= to {
            return;
        }
        match self.0.last_mut() {
            Some((_, end)) if *end == from => *end = to,
            _ => self.0.push((from, to)),
        }
    }

    /// The lowest number.
    pub fn first(&self) -> Option<u32> {
        self.0.first().map(|(from, _)| *from)
    }

    pub fn contains(&self, index: u32) -> bool {
        let at = self.0.partition_point(|(_, end)| *end <= index);
        self.0.get(at).is_some_and(|(from, _)| *from <= index)
    }

    /// Takes a number out; `false` if it is not in.
    pub fn remove(&mut self, index: u32) -> bool {
        let at = self.0.partition_point(|(_, end)| *end <= index);
        let Some((from, to)) = self.0.get(at).copied().filter(|(from, _)| *from <= index) else {
            return false;
        };
        let left = [(from, index), (index + 1, to)].into_iter().filter(|(from, to)| from < to);
        self.0.splice(at..=at, left);
        true
    }

    pub fn len(&self) -> u32 {
        self.0.iter().map(|(from, to)| to - from).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().flat_map(|(from, to)| *from..*to)
    }
}

/// How many items each child has: runs of equal numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes(Vec<(u32, u32)>);

impl Sizes {
    /// Adds a child with so many items.
    pub fn push(&mut self, items: u32) {
        match self.0.last_mut() {
            Some((size, count)) if *size == items => *count += 1,
            _ => self.0.push((items, 1)),
        }
    }

    /// The children.
    pub fn len(&self) -> u32 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Whether there are no children.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The items of all children before this one.
    pub(super) fn before(&self, child: u32) -> u64 {
        let (mut left, mut items) = (child, 0);
        for (size, count) in &self.0 {
            let taken = left.min(*count);
            items += u64::from(taken) * u64::from(*size);
            left -= taken;
        }
        items
    }

    /// The items of one child.
    pub(super) fn of(&self, child: u32) -> u64 {
        self.before(child.saturating_add(1)) - self.before(child)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_forgets_what_is_taken_out_and_nothing_else() {
        let mut set = Indexes::default();
        set.push(0, 5);
        set.push(5, 8);
        assert!(set.remove(3) && !set.remove(3) && set.remove(0) && set.remove(7) && !set.remove(8));
        assert_eq!(set.iter().collect::<Vec<_>>(), [1, 2, 4, 5, 6]);
        assert_eq!((set.len(), set.0.len()), (5, 2));
        assert!(set.contains(6) && !set.contains(7) && !set.contains(0) && set.first() == Some(1));
        for index in [1, 2, 4, 5, 6] {
            assert!(set.remove(index));
        }
        assert!(set.is_empty());
    }

    #[test]
    fn sizes_are_counted_by_child() {
        let mut sizes = Sizes::default();
        [3, 3, 3, 1].into_iter().for_each(|items| sizes.push(items));
        assert_eq!((sizes.len(), sizes.before(4), sizes.of(1), sizes.of(3), sizes.of(4)), (4, 10, 3, 1, 0));
    }
}
