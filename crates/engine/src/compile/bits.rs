//! Sets of classes, in the form that fits their density.

use std::ops::Range;

/// How many words hold `classes` bits.
pub(super) const fn words(classes: usize) -> usize {
    classes.div_ceil(64)
}

/// A set of classes that rows are put together from.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    /// Contiguous: a CIDR, in depth-first order of atoms.
    Range(Range<usize>),
    /// Few: their positions.
    Sparse(Box<[u32]>),
    /// Many: a bit for each class.
    Dense(Box<[u64]>),
}

impl Operand {
    /// The best form of a sorted list.
    pub(super) fn of(list: &[u32], classes: usize) -> Self {
        match (list.first(), list.last()) {
            (Some(&first), Some(&last)) if (last - first) as usize + 1 == list.len() => {
                Operand::Range(first as usize..last as usize + 1)
            }
            (None, _) | (_, None) => Operand::Range(0..0),
            _ if list.len() < words(classes) * 2 => Operand::Sparse(list.into()),
            _ => {
                let mut bits = vec![0; words(classes)];
                for &class in list {
                    set(&mut bits, class as usize);
                }
                Operand::Dense(bits.into())
            }
        }
    }

    /// Adds the set to `bits`.
    pub(super) fn or_into(&self, bits: &mut [u64]) {
        match self {
            Operand::Range(range) => fill(bits, range.clone()),
            Operand::Sparse(list) => {
                for &class in list {
                    set(bits, class as usize);
                }
            }
            Operand::Dense(own) => bits.iter_mut().zip(own).for_each(|(word, own)| *word |= own),
        }
    }

    /// How many words adding it to a row touches.
    pub(super) fn words(&self) -> usize {
        match self {
            Operand::Range(range) => range.len() / 64 + 1,
            Operand::Sparse(list) => list.len(),
            Operand::Dense(bits) => bits.len(),
        }
    }

    /// How many bytes it holds beside itself.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Operand::Range(_) => 0,
            Operand::Sparse(list) => list.len() * 4,
            Operand::Dense(bits) => bits.len() * 8,
        }
    }
}

/// A set of classes that rows are cut with: its bits, and where they are not all zero. Classes stand in the order of
/// their addresses, so what lies in some subnets is a few stretches of words.
#[derive(Debug, Clone)]
pub(super) struct Mask {
    bits: Box<[u64]>,
    stretches: Box<[Range<usize>]>,
}

impl Mask {
    /// The mask of a sorted list.
    pub(super) fn of(list: &[u32], classes: usize) -> Self {
        let mut bits = vec![0; words(classes)];
        let mut stretches: Vec<Range<usize>> = Vec::new();
        for &class in list {
            set(&mut bits, class as usize);
            let word = class as usize / 64;
            match stretches.last_mut() {
                // A short gap is cheaper to read over than to skip.
                Some(last) if word < last.end + 4 => last.end = last.end.max(word + 1),
                _ => stretches.push(word..word + 1),
            }
        }
        Self { bits: bits.into(), stretches: stretches.into() }
    }

    /// From the first word that is not zero to the last.
    pub(super) fn hull(&self) -> Range<usize> {
        match (self.stretches.first(), self.stretches.last()) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => 0..0,
        }
    }

    /// How many words cutting a row with it touches.
    pub(super) fn words(&self) -> usize {
        self.stretches.iter().map(ExactSizeIterator::len).sum()
    }

    /// Writes what `word` makes of every word of the mask to `out`, zero elsewhere inside the hull; tells whether
    /// anything is left.
    pub(super) fn write(&self, out: &mut [u64], word: impl Fn(Range<usize>, &[u64], &mut [u64])) -> bool {
        let mut end = self.hull().start;
        let mut any = 0;
        for stretch in &self.stretches {
            if let Some(gap) = out.get_mut(end..stretch.start) {
                gap.fill(0);
            }
            end = stretch.end;
            if let (Some(out), Some(own)) = (out.get_mut(stretch.clone()), self.bits.get(stretch.clone())) {
                word(stretch.clone(), own, out);
                any |= out.iter().fold(0, |all, word| all | word);
            }
        }
        any != 0
    }

    /// How many bytes it holds beside itself.
    pub(super) fn bytes(&self) -> usize {
        self.bits.len() * 8 + self.stretches.len() * size_of::<Range<usize>>()
    }

    /// The classes in it, ascending.
    pub(super) fn ones(&self) -> impl Iterator<Item = u32> + '_ {
        ones(&self.bits)
    }
}

/// Sets one bit.
pub(super) fn set(bits: &mut [u64], position: usize) {
    if let Some(word) = bits.get_mut(position / 64) {
        *word |= 1 << (position % 64);
    }
}

/// Sets the bits of a range.
pub(super) fn fill(bits: &mut [u64], range: Range<usize>) {
    if range.is_empty() {
        return;
    }
    let (first, last) = (range.start / 64, (range.end - 1) / 64);
    let head = u64::MAX << (range.start % 64);
    let tail = u64::MAX >> (63 - (range.end - 1) % 64);
    let Some(words) = bits.get_mut(first..=last) else { return };
    match words {
        [] => {}
        [only] => *only |= head & tail,
        [start, middle @ .., end] => {
            *start |= head;
            middle.fill(u64::MAX);
            *end |= tail;
        }
    }
}

/// The positions of the bits that are set, ascending.
pub(super) fn ones(bits: &[u64]) -> impl Iterator<Item = u32> + '_ {
    bits.iter().enumerate().flat_map(|(position, &word)| {
        let base = u32::try_from(position * 64).unwrap_or(u32::MAX);
        std::iter::successors(Some(word).filter(|word| *word != 0), |word| Some(word & (word - 1)).filter(|w| *w != 0))
            .map(move |word| base + word.trailing_zeros())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_the_same_set() {
        for list in [vec![], vec![3], vec![0, 1, 2, 63, 64], (60..200).collect(), (0..500).step_by(3).collect()] {
            let list: Vec<u32> = list;
            let mut bits = vec![0; words(512)];
            Operand::of(&list, 512).or_into(&mut bits);
            assert_eq!(ones(&bits).collect::<Vec<_>>(), list);
        }
    }

    #[test]
    fn ranges_are_filled_across_words() {
        for (start, end) in [(0, 1), (0, 64), (63, 65), (1, 191), (128, 192), (5, 5)] {
            let mut bits = vec![0; 3];
            fill(&mut bits, start..end);
            assert_eq!(ones(&bits).map(|one| one as usize).collect::<Vec<_>>(), (start..end).collect::<Vec<_>>());
        }
    }
}
