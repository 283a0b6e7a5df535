//! Going through a long list without holding all of it to the end.

/// After so many elements memory is given back.
const STEP: usize = 1 << 14;

/// The elements of a list, whose memory shrinks as they are taken.
#[derive(Debug)]
pub(crate) struct Draining<T> {
    /// The last one is the next.
    rest: Vec<T>,
}

impl<T> Draining<T> {
    pub(crate) fn new(mut list: Vec<T>) -> Self {
        list.reverse();
        Self { rest: list }
    }
}

impl<T> Iterator for Draining<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let next = self.rest.pop();
        if self.rest.len().is_multiple_of(STEP) {
            self.rest.shrink_to_fit();
        }
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.rest.len(), Some(self.rest.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_stays_and_memory_goes() {
        let mut list = Draining::new((0..3 * STEP).collect());
        let first: Vec<usize> = list.by_ref().take(STEP + 1).collect();
        assert!(first.into_iter().eq(0..=STEP));
        assert!(list.rest.capacity() <= 2 * STEP);
        assert!(list.eq(STEP + 1..3 * STEP));
    }
}
