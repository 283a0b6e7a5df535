//! Sets of five, another one for every number.

/// How many are in a set.
pub(crate) const SIZE: usize = 5;

/// The number of ways to choose `k` of `n`.
fn choose(n: usize, k: usize) -> u64 {
    let (n, k) = (n as u128, k as u128);
    let mut ways: u128 = 1;
    for step in 0..k {
        ways = ways * n.saturating_sub(step) / (step + 1);
    }
    u64::try_from(ways).unwrap_or(u64::MAX)
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The positions of the `ordinal`th set of five among `n`, all different; two ordinals have the same set only where
/// there are more ordinals than sets.
pub(crate) fn five(n: usize, ordinal: usize) -> Vec<usize> {
    let all = choose(n, SIZE);
    if all <= 1 {
        return (0..n.min(SIZE)).collect();
    }
    // A step that has no factor in common with the number of sets visits each once; the golden section spreads them.
    let mut step = all - all / 3 - all / 20;
    while gcd(step, all) != 1 {
        step -= 1;
    }
    let mut rank = u64::try_from(u128::from(step) * (ordinal as u128 + 1) % u128::from(all)).unwrap_or(0);
    let mut set = Vec::with_capacity(SIZE);
    let mut bound = n;
    for k in (1..=SIZE).rev() {
        // The greatest position below `bound` with so many sets below it.
        let (mut low, mut high) = (k - 1, bound);
        while high - low > 1 {
            let middle = low.midpoint(high);
            if choose(middle, k) <= rank { low = middle } else { high = middle }
        }
        rank -= choose(low, k);
        set.push(low);
        bound = low;
    }
    set.reverse();
    set
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_ordinal_has_its_own_five() {
        let sets: BTreeSet<Vec<usize>> = (0..792).map(|ordinal| five(12, ordinal)).collect();
        assert_eq!(sets.len(), 792);
        assert!(sets.iter().all(|set| set.len() == 5 && set.iter().all(|&position| position < 12)));
        assert!(sets.iter().all(|set| set.windows(2).all(|pair| pair[0] < pair[1])));
        let many: BTreeSet<Vec<usize>> = (0..20_000).map(|ordinal| five(2_100, ordinal)).collect();
        assert_eq!(many.len(), 20_000);
        assert_eq!(five(3, 7), [0, 1, 2]);
        assert_eq!(five(5, 7), [0, 1, 2, 3, 4]);
    }
}
