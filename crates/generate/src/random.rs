//! Numbers that are the same on every machine and with every version of every library: `ChaCha8` is a fixed function of
//! its key, and everything above it is here.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// A stream of numbers for one part of the plan, so that parts do not shift each other.
#[derive(Debug)]
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    /// The stream of `part` under `seed`.
    pub(crate) fn new(seed: u64, part: &str) -> Self {
        let mut key = [0; 32];
        let bytes = seed.to_le_bytes().into_iter().chain(part.bytes());
        key.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = byte);
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number from 0 to `bound`, without it; 0 where `bound` is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.0.next_u64()) * (bound as u128);
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below((high + 1).saturating_sub(low))
    }

    /// True in so many of a hundred cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `list`.
    pub(crate) fn pick<T: Copy>(&mut self, list: &[T]) -> Option<T> {
        list.get(self.below(list.len())).copied()
    }

    /// Brings `list` into any order.
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }
}

/// Zipf's law with exponent 1 over ranks 0, 1, …: rank r has the weight 1/(r+1).
#[derive(Debug)]
pub(crate) struct Zipf {
    /// The weights of all ranks up to each one.
    sums: Vec<u64>,
}

/// The weight of rank 0.
const UNIT: u64 = 1 << 32;

impl Zipf {
    /// The law over `ranks` ranks.
    pub(crate) fn new(ranks: usize) -> Self {
        let mut total = 0;
        let sums = (1..=ranks as u64).map(|rank| {
            total += UNIT / rank;
            total
        });
        Self { sums: sums.collect() }
    }

    /// A rank.
    pub(crate) fn pick(&self, random: &mut Random) -> usize {
        let total = self.sums.last().copied().unwrap_or(0);
        let at = random.below(usize::try_from(total).unwrap_or(usize::MAX)) as u64;
        self.sums.partition_point(|&sum| sum <= at)
    }

    /// Divides `total` by the law, at least one to each rank where there are enough.
    pub(crate) fn divide(&self, total: usize) -> Vec<usize> {
        let ranks = self.sums.len();
        let whole = u128::from(self.sums.last().copied().unwrap_or(1));
        let spare = total.saturating_sub(ranks) as u128;
        let mut before = 0;
        let mut sizes: Vec<usize> = Vec::with_capacity(ranks);
        for &sum in &self.sums {
            let upto = usize::try_from(spare * u128::from(sum) / whole).unwrap_or(0);
            sizes.push(1 + upto - before);
            before = upto;
        }
        let mut excess = sizes.iter().sum::<usize>().saturating_sub(total);
        for size in sizes.iter_mut().rev() {
            let cut = excess.min(*size);
            *size -= cut;
            excess -= cut;
        }
        sizes
    }
}

/// A one-to-one scattering of the 64-bit numbers (the finalizer of `SplitMix64`).
pub(crate) const fn scatter(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_every_machine() {
        let mut random = Random::new(1, "test");
        let numbers: Vec<usize> = (0..4).map(|_| random.below(1_000_000)).collect();
        let mut again = Random::new(1, "test");
        assert_eq!(numbers, (0..4).map(|_| again.below(1_000_000)).collect::<Vec<_>>());
        let mut other = Random::new(1, "tests");
        assert_ne!(numbers, (0..4).map(|_| other.below(1_000_000)).collect::<Vec<_>>());
        assert_eq!(Random::new(1, "x").below(0), 0);
    }

    #[test]
    fn sizes_add_up_and_fall() {
        for (ranks, total) in [(1, 1), (8, 50), (250, 5_000), (2_000, 64_000), (5, 3)] {
            let sizes = Zipf::new(ranks).divide(total);
            assert_eq!(sizes.iter().sum::<usize>(), total, "{ranks} ranks");
            assert_eq!(sizes.len(), ranks);
            let (first, last) = (sizes[0], sizes[ranks - 1]);
            assert!(first >= last, "{first} < {last}");
        }
    }
}
