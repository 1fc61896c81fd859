//! The order in which weighted targets take turns: exact shares in each round, in an order that no client can fall
//! into step with. Worked out once per route. Pure: randomness comes in as a seed.

/// Turns in one round at most; larger weights are scaled down to fit.
const TURNS_MAX: u64 = 10_000;

/// Turns before the order repeats, at least.
const TURNS_MIN: usize = 1_000;

/// Turns as indexes into `weights`, to be taken again and again. In each round (of as many turns as the smallest
/// weights of the same ratio add up to) every target gets exactly its share. Empty if no target has a weight.
///
/// Each round has an order of its own: a fixed one let a periodic load meet a canary always with the same requests,
/// so that the others were never judged.
pub(super) fn schedule(weights: &[u32], seed: u64) -> Vec<usize> {
    let round = round(weights);
    let rounds = TURNS_MIN.div_ceil(round.len().max(1));
    let mut state = seed;
    let mut turns = Vec::with_capacity(round.len() * rounds);
    for _ in 0..rounds {
        let mut round = round.clone();
        shuffle(&mut round, &mut state);
        turns.append(&mut round);
    }
    turns
}

/// Fisher and Yates; the bias of the remainder is far below what anybody could see.
fn shuffle(turns: &mut [usize], state: &mut u64) {
    for last in (1..turns.len()).rev() {
        let below = u64::try_from(last + 1).unwrap_or(u64::MAX);
        turns.swap(last, usize::try_from(random(state) % below).unwrap_or(0));
    }
}

/// The next number of SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// One round, its turns spread evenly: smooth weighted round robin.
fn round(weights: &[u32]) -> Vec<usize> {
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
        let turns = schedule(&[90, 10], 1);
        for hundred in turns.chunks(100) {
            assert_eq!((share(hundred, 0), share(hundred, 1)), (90, 10));
        }
        assert_eq!(round(&[33, 67]).len(), 100);
    }

    #[test]
    fn turns_are_spread_evenly() {
        assert_eq!(round(&[2, 1, 1]), [0, 1, 2, 0]);
        assert_eq!(round(&[5, 0, 5]), [0, 2]);
    }

    #[test]
    fn a_load_with_a_period_meets_every_target_with_each_of_its_requests() {
        // A client that asks for ten paths in turn, and a canary with one of ten requests.
        let turns = schedule(&[9, 1], 7);
        for path in 0..10 {
            assert!(
                turns.iter().skip(path).step_by(10).any(|&target| target == 1),
                "path {path} never meets it"
            );
        }
    }

    #[test]
    fn without_weight_nobody_gets_a_turn() {
        assert!(schedule(&[], 1).is_empty());
        assert!(schedule(&[0, 0], 1).is_empty());
    }

    #[test]
    fn huge_weights_fit() {
        let turns = round(&[u32::MAX, 1]);
        assert!(turns.len() <= 10_001 && share(&turns, 1) == 1, "{}", turns.len());
    }

    proptest! {
        #[test]
        fn every_target_gets_its_share_in_every_stretch(weights in proptest::collection::vec(0_u32..50, 1..6)) {
            let turns = round(&weights);
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
