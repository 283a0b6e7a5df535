//! The one way to standard output.

use std::io::{self, BufWriter, Write};

use anstream::AutoStream;

use crate::failure::Failure;

/// Standard output, buffered.
#[derive(Debug)]
pub(crate) struct Output {
    writer: BufWriter<Sink>,
}

#[derive(Debug)]
enum Sink {
    /// Text with styles, which are dropped where they cannot be shown.
    Styled(AutoStream<io::StdoutLock<'static>>),
    /// Bytes for programs.
    Plain(io::StdoutLock<'static>),
    /// `--quiet`.
    Quiet,
}

impl Write for Sink {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Styled(stream) => stream.write(buffer),
            Sink::Plain(stream) => stream.write(buffer),
            Sink::Quiet => Ok(buffer.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::Styled(stream) => stream.flush(),
            Sink::Plain(stream) => stream.flush(),
            Sink::Quiet => Ok(()),
        }
    }
}

/// How writing ended when it did not succeed.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Nobody reads any more: `reach … | head` is no error.
    BrokenPipe,
    /// Anything that is told.
    Failure(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failure(failure)
    }
}

impl Stop {
    /// Sorts an error of writing to standard output.
    pub(crate) fn of_write(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Stop::BrokenPipe,
            _ => Stop::Failure(Failure::io("standard output cannot be written", error)),
        }
    }
}

impl Output {
    /// For text; its styles are shown as `--color` and the terminal want it.
    pub(crate) fn styled(quiet: bool) -> Self {
        Self::new(if quiet { Sink::Quiet } else { Sink::Styled(AutoStream::auto(io::stdout().lock())) })
    }

    /// For data.
    pub(crate) fn plain(quiet: bool) -> Self {
        Self::new(if quiet { Sink::Quiet } else { Sink::Plain(io::stdout().lock()) })
    }

    fn new(sink: Sink) -> Self {
        Self { writer: BufWriter::with_capacity(1 << 16, sink) }
    }

    /// Writes bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.writer.write_all(bytes).map_err(|error| Stop::of_write(&error))
    }

    /// For writers of streams, whose errors [`Stop::of_write`] sorts.
    pub(crate) fn writer(&mut self) -> &mut impl Write {
        &mut self.writer
    }

    /// Writes through what is buffered.
    pub(crate) fn flush(&mut self) -> Result<(), Stop> {
        self.writer.flush().map_err(|error| Stop::of_write(&error))
    }

    /// Writes all of `bytes` and ends.
    pub(crate) fn finish(mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.write(bytes)?;
        self.flush()
    }
}
