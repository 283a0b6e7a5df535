//! The fast way through a large file: read in blocks, taken apart while it is read, its long arrays decoded by several
//! threads straight into shapes. Neither the file's text nor two copies of anything are ever held.
//!
//! It knows only the common case, one JSON object of AWS's arrays without a fault in it, and **declines** everything
//! else. Then `read` and `decode` take the file from its start, as if nothing had happened; they alone word problems.
//! So this module must be right about what it accepts, and may refuse what it likes.
//!
//! Why the cuts cannot change a meaning: an array is cut at commas only, and every piece must by itself be the inside
//! of a JSON array of at least one element. Pieces that are, joined by commas, are one array of just these elements;
//! a cut in a wrong place (inside a string, inside an element) leaves a piece that does not decode.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::gather::{Decoded, list};

/// More threads than this wait for the one that reads and cuts.
const THREADS: usize = 8;

/// How files are cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Files of fewer bytes are read whole.
    pub file: u64,
    /// Read at once, and about the size of what a thread decodes.
    pub block: usize,
    /// The longest value beside the long arrays.
    pub value: usize,
    /// How many threads decode.
    pub threads: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
        Self { file: 128 << 10, block: 256 << 10, value: 1 << 20, threads }
    }
}

/// The value of a top-level key.
pub(super) enum Value {
    /// As text.
    Text(Box<RawValue>),
    /// An array, decoded.
    List(Box<dyn Decoded>),
}

/// Why a file is left to the slow way: it does not matter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declined;

/// The members of the JSON object that `input` holds, in order.
pub(super) fn members(input: &mut (dyn Read + Send), sizes: Sizes) -> Result<Vec<(String, Value)>, Declined> {
    let mut text = Input { reader: input, sizes, bytes: Vec::new(), start: 0, ended: false };
    let mut members = Vec::new();
    if text.peek(3)? == b"\xef\xbb\xbf" {
        text.start += 3;
    }
    text.expect(b'{')?;
    if text.next()? == b'}' {
        return Err(Declined);
    }
    loop {
        let key = text.value()?;
        let key: String = serde_json::from_str(&key).map_err(|_| Declined)?;
        text.expect(b':')?;
        let value = match (text.next()?, list(&key)) {
            (b'[', Some(list)) => Value::List(list.stream(&mut text)?),
            _ => Value::Text(RawValue::from_string(text.value()?).map_err(|_| Declined)?),
        };
        members.push((key, value));
        match text.next()? {
            b',' => text.start += 1,
            b'}' => break,
            _ => return Err(Declined),
        }
    }
    text.expect(b'}')?;
    if text.next().is_ok() { Err(Declined) } else { Ok(members) }
}

/// A window that moves over the text.
pub(super) struct Input<'i> {
    reader: &'i mut (dyn Read + Send),
    sizes: Sizes,
    bytes: Vec<u8>,
    /// What stands before it in `bytes` is done with.
    start: usize,
    ended: bool,
}

impl Input<'_> {
    /// Reads another block; `false` at the end.
    fn fill(&mut self) -> Result<bool, Declined> {
        if self.ended {
            return Ok(false);
        }
        if self.start > 0 {
            self.bytes.drain(..self.start.min(self.bytes.len()));
            self.start = 0;
        }
        let block = u64::try_from(self.sizes.block).unwrap_or(u64::MAX);
        let read = (&mut *self.reader).take(block).read_to_end(&mut self.bytes).map_err(|_| Declined)?;
        self.ended = read < self.sizes.block;
        Ok(read > 0)
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// The next bytes, fewer at the end.
    fn peek(&mut self, count: usize) -> Result<&[u8], Declined> {
        while self.rest().len() < count && self.fill()? {}
        Ok(self.rest().get(..count).unwrap_or(self.rest()))
    }

    /// The next byte that is not white space.
    fn next(&mut self) -> Result<u8, Declined> {
        loop {
            let rest = self.rest();
            if let Some(position) = rest.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
                let byte = rest.get(position).copied();
                self.start += position;
                return byte.ok_or(Declined);
            }
            self.start = self.bytes.len();
            if !self.fill()? {
                return Err(Declined);
            }
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Declined> {
        if self.next()? != byte {
            return Err(Declined);
        }
        self.start += 1;
        Ok(())
    }

    /// The text of the next value, which must not be long.
    fn value(&mut self) -> Result<String, Declined> {
        let first = self.next()?;
        let mut scan = Scan::default();
        loop {
            let rest = self.rest();
            let end = match first {
                b'{' | b'[' | b'"' => {
                    let closed = scan.run(rest);
                    closed.then_some(scan.position)
                }
                _ => rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t')),
            };
            if let Some(end) = end {
                let text = rest.get(..end).map(<[u8]>::to_vec).and_then(|text| String::from_utf8(text).ok());
                self.start += end;
                return text.ok_or(Declined);
            }
            if rest.len() > self.sizes.value || !self.fill()? {
                return Err(Declined);
            }
        }
    }

    /// The elements of the array at the start of the window, which moves behind its end.
    pub(super) fn array<T: DeserializeOwned + Send>(&mut self) -> Result<Vec<T>, Declined> {
        self.expect(b'[')?;
        let threads = self.sizes.threads;
        let mut cutter = Cutter { input: self, scan: Scan::inside(), next: 0, ended: false };
        let mut piece = Vec::new();
        cutter.cut(&mut piece)?;
        let first: Vec<T> = decode(&piece)?;
        if cutter.ended {
            return Ok(first);
        }
        let cutter = Mutex::new(cutter);
        let whole = Mutex::new(Whole { elements: Vec::new(), next: 0, waiting: BTreeMap::new() });
        add(&whole, 0, first)?;
        let declined = AtomicBool::new(false);
        let work = || {
            let mut piece = Vec::new();
            while !declined.load(Ordering::Relaxed) {
                let cut = cutter.lock().map_err(|_| Declined).and_then(|mut cutter| cutter.cut(&mut piece));
                let added = match cut {
                    Ok(Some(position)) => decode(&piece).and_then(|elements| add(&whole, position, elements)),
                    Ok(None) => break,
                    Err(Declined) => Err(Declined),
                };
                if added.is_err() {
                    declined.store(true, Ordering::Relaxed);
                }
            }
        };
        if threads < 2 {
            work();
        } else {
            thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(work);
                }
            });
        }
        if declined.into_inner() {
            return Err(Declined);
        }
        whole.into_inner().map(|whole| whole.elements).map_err(|_| Declined)
    }
}

fn decode<T: DeserializeOwned>(piece: &[u8]) -> Result<Vec<T>, Declined> {
    std::str::from_utf8(piece).ok().and_then(|text| serde_json::from_str(text).ok()).ok_or(Declined)
}

/// Elements, put together in order.
struct Whole<T> {
    elements: Vec<T>,
    /// The number of the piece that comes next.
    next: usize,
    /// Pieces that are ahead of it.
    waiting: BTreeMap<usize, Vec<T>>,
}

/// Adds one piece of several: there is a comma on one side of it, so it must not be empty.
fn add<T>(whole: &Mutex<Whole<T>>, position: usize, piece: Vec<T>) -> Result<(), Declined> {
    if piece.is_empty() {
        return Err(Declined);
    }
    let mut whole = whole.lock().map_err(|_| Declined)?;
    whole.waiting.insert(position, piece);
    loop {
        let next = whole.next;
        let Some(mut piece) = whole.waiting.remove(&next) else { return Ok(()) };
        whole.elements.append(&mut piece);
        whole.next += 1;
    }
}

/// Cuts an array into pieces of whole elements.
struct Cutter<'c, 'i> {
    input: &'c mut Input<'i>,
    scan: Scan,
    next: usize,
    ended: bool,
}

impl Cutter<'_, '_> {
    /// Writes the next piece, in brackets of its own; tells its number, or `None` after the last one.
    fn cut(&mut self, piece: &mut Vec<u8>) -> Result<Option<usize>, Declined> {
        if self.ended {
            return Ok(None);
        }
        loop {
            let rest = self.input.rest();
            self.ended = self.scan.run(rest);
            let end = if self.ended { self.scan.position.checked_sub(1) } else { self.scan.comma };
            let Some(end) = end else {
                if !self.input.fill()? {
                    return Err(Declined);
                }
                continue;
            };
            if self.ended && rest.get(end) != Some(&b']') {
                return Err(Declined);
            }
            piece.clear();
            piece.push(b'[');
            piece.extend_from_slice(rest.get(..end).ok_or(Declined)?);
            piece.push(b']');
            // The comma or the closing bracket goes with it.
            self.input.start += end + 1;
            self.scan.position = self.scan.position.saturating_sub(end + 1);
            self.scan.comma = None;
            let number = self.next;
            self.next += 1;
            return Ok(Some(number));
        }
    }
}

/// Follows strings and brackets over text that arrives in parts.
#[derive(Debug, Default)]
struct Scan {
    /// So far the text has been looked at.
    position: usize,
    /// The last comma one bracket deep.
    comma: Option<usize>,
    depth: usize,
    in_string: bool,
}

impl Scan {
    /// Begins behind an opening bracket.
    fn inside() -> Self {
        Self { depth: 1, ..Self::default() }
    }

    /// Goes on to the end of `text`, or to behind the bracket or quote that ends what it began with: then `true`.
    fn run(&mut self, text: &[u8]) -> bool {
        let mut position = self.position;
        let mut depth = self.depth;
        loop {
            if self.in_string {
                let rest = text.get(position..).unwrap_or_default();
                match memchr::memchr2(b'"', b'\\', rest) {
                    Some(found) if rest.get(found) == Some(&b'"') => position += found + 1,
                    // What an escape stands for is all the same, unless it stands for a quote.
                    Some(found) if found + 1 < rest.len() => {
                        position += found + 2;
                        continue;
                    }
                    found => {
                        (self.position, self.depth) = (position + found.unwrap_or(rest.len()), depth);
                        return false;
                    }
                }
                self.in_string = false;
                if depth == 0 {
                    self.position = position;
                    return true;
                }
            }
            let Some(&byte) = text.get(position) else { break };
            position += 1;
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        (self.position, self.depth) = (position, depth);
                        return true;
                    }
                }
                b',' if depth == 1 => self.comma = Some(position - 1),
                b'\n' => {
                    while text.get(position..).is_some_and(|rest| rest.starts_with(b"        ")) {
                        position += 8;
                    }
                }
                _ => {}
            }
        }
        (self.position, self.depth) = (position, depth);
        false
    }
}

#[cfg(test)]
mod tests;
