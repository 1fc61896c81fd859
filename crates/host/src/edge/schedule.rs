//! The order in which weighted targets take turns: smooth weighted round robin, worked out once per route. Pure.

/// Turns in one round at most; larger weights are scaled down to fit.
const TURNS_MAX: u64 = 10_000;

/// One round of turns as indexes into `weights`. Over each whole round every target gets exactly its share, and its
/// turns are spread evenly. Empty if no target has a weight.
pub(super) fn schedule(weights: &[u32]) -> Vec<usize> {
    let weights = reduced(weights);
    let total: i64 = weights.iter().sum();
    let mut credits = vec![0_i64; weights.len()];
    let mut turns = Vec::with_capacity(usize::try_from(total).unwrap_or(0));
    for _ in 0..total {
        for (credit, weight) in credits.iter_mut().zip(&weights) {
            *credit += weight;
        }
        // The first of the largest, so that ties keep the order of the route.
        let best =
            credits.iter().enumerate().rev().max_by_key(|(_, credit)| **credit).map(|(index, _)| index);
        let Some(best) = best else { break };
        if let Some(credit) = credits.get_mut(best) {
            *credit -= total;
        }
        turns.push(best);
    }
    turns
}

/// The smallest weights with the same ratio; a target with a weight keeps at least one turn.
fn reduced(weights: &[u32]) -> Vec<i64> {
    let divisor = weights.iter().fold(0, |divisor, weight| gcd(divisor, u64::from(*weight))).max(1);
    let weights: Vec<u64> = weights.iter().map(|weight| u64::from(*weight) / divisor).collect();
    let total: u64 = weights.iter().sum();
    let scaled = weights.iter().map(|&weight| match weight {
        0 => 0,
        weight if total <= TURNS_MAX => weight,
        weight => (weight.saturating_mul(TURNS_MAX) / total).max(1),
    });
    scaled.map(|weight| i64::try_from(weight).unwrap_or(i64::MAX)).collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(turns: &[usize], index: usize) -> usize {
        turns.iter().filter(|&&turn| turn == index).count()
    }

    #[test]
    fn ten_percent_is_ten_of_each_hundred() {
        let turns: Vec<usize> = schedule(&[90, 10]).into_iter().cycle().take(100).collect();
        assert_eq!((share(&turns, 0), share(&turns, 1)), (90, 10));
        assert_eq!(schedule(&[33, 67]).len(), 100);
    }

    #[test]
    fn turns_are_spread_evenly() {
        assert_eq!(schedule(&[2, 1, 1]), [0, 1, 2, 0]);
        assert_eq!(schedule(&[5, 0, 5]), [0, 2]);
    }

    #[test]
    fn without_weight_nobody_gets_a_turn() {
        assert!(schedule(&[]).is_empty());
        assert!(schedule(&[0, 0]).is_empty());
    }

    #[test]
    fn huge_weights_fit() {
        let turns = schedule(&[u32::MAX, 1]);
        assert!(turns.len() <= 10_001 && share(&turns, 1) == 1, "{}", turns.len());
    }

    proptest! {
        #[test]
        fn every_target_gets_its_share_in_every_stretch(weights in proptest::collection::vec(0_u32..50, 1..6)) {
            let turns = schedule(&weights);
            let total: u32 = weights.iter().sum();
            prop_assert_eq!(turns.is_empty(), total == 0);
            for (index, weight) in weights.iter().enumerate() {
                for end in 1..=turns.len() {
                    let due = end as f64 * f64::from(*weight) / f64::from(total);
                    let got = share(&turns[..end], index) as f64;
                    prop_assert!((got - due).abs() <= weights.len() as f64, "{index}: {got} of {due}");
                }
                prop_assert_eq!(share(&turns, index) * total as usize, *weight as usize * turns.len());
            }
        }
    }
}
