//! Where answers go: one file per call, below a directory that gets its name when everything is in it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::plan::{ACCOUNT, REGION};
use crate::{Error, Layout};

/// A directory under a name of its own until [`Draft::publish`].
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    target: PathBuf,
    published: bool,
}

impl Draft {
    /// A new directory beside `target`, which must not exist or be empty.
    pub(crate) fn create(target: &Path) -> Result<Self, Error> {
        let target = if target.exists() { fs::canonicalize(target)? } else { target.to_owned() };
        match fs::read_dir(&target) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(Error::NotEmpty(target));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Err(Error::NotADirectory(target)),
            Err(error) => return Err(error.into()),
        }
        let name = target.file_name().ok_or_else(|| Error::NotADirectory(target.clone()))?;
        let parent = match target.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        fs::create_dir_all(&parent)?;
        let name = format!(".{}.{}.part", name.to_string_lossy(), std::process::id());
        let path = parent.join(name);
        fs::create_dir(&path)?;
        Ok(Self { path, target, published: false })
    }

    /// Where to write.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the directory its name.
    pub(crate) fn publish(mut self) -> Result<(), Error> {
        match fs::rename(&self.path, &self.target) {
            // Not every system puts a directory in the place of an empty one.
            Err(_) if self.target.is_dir() => {
                fs::remove_dir(&self.target)?;
                fs::rename(&self.path, &self.target)?;
            }
            other => other?,
        }
        self.published = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            // What cannot be removed has a name that says what it is.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// The answers of one estate.
#[derive(Debug)]
pub(crate) struct Files {
    directory: PathBuf,
    layout: Layout,
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

impl Files {
    pub(crate) fn new(root: &Path, layout: Layout) -> io::Result<Self> {
        let directory = match layout {
            Layout::Aws => root.to_owned(),
            Layout::Batfish => root.join("aws_configs").join("accounts").join(ACCOUNT).join(REGION),
        };
        fs::create_dir_all(&directory)?;
        Ok(Self { directory, layout, count: 0, bytes: 0 })
    }

    pub(crate) const fn layout(&self) -> Layout {
        self.layout
    }

    /// Writes the answer to a call that lists something: `write` gives the elements one by one.
    pub(crate) fn list(
        &mut self,
        call: &str,
        key: &str,
        write: impl FnOnce(&mut List) -> io::Result<()>,
    ) -> io::Result<()> {
        let name = match self.layout {
            Layout::Aws => call,
            Layout::Batfish => key,
        };
        self.named(name, key, write)
    }

    /// As [`Files::list`], under a name that does not depend on the layout.
    pub(crate) fn named(
        &mut self,
        name: &str,
        key: &str,
        write: impl FnOnce(&mut List) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut list = List { writer: self.create(name)?, any: false };
        write!(list.writer, "{{\"{key}\":[")?;
        write(&mut list)?;
        list.writer.write_all(b"\n]}\n")?;
        self.close(list.writer)
    }

    /// Writes an answer that is one object.
    pub(crate) fn object(&mut self, name: &str, value: &impl Serialize) -> io::Result<()> {
        let mut writer = self.create(name)?;
        serde_json::to_writer(&mut writer, value)?;
        writer.write_all(b"\n")?;
        self.close(writer)
    }

    fn create(&self, name: &str) -> io::Result<Counted> {
        let file = File::create_new(self.directory.join(format!("{name}.json")))?;
        Ok(Counted { inner: BufWriter::with_capacity(1 << 20, file), bytes: 0 })
    }

    fn close(&mut self, mut writer: Counted) -> io::Result<()> {
        writer.flush()?;
        self.count += 1;
        self.bytes += writer.bytes;
        Ok(())
    }
}

#[derive(Debug)]
struct Counted {
    inner: BufWriter<File>,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The elements of an answer, one a line.
#[derive(Debug)]
pub(crate) struct List {
    writer: Counted,
    any: bool,
}

impl List {
    pub(crate) fn push(&mut self, element: &impl Serialize) -> io::Result<()> {
        self.writer.write_all(if self.any { b",\n" } else { b"\n" })?;
        self.any = true;
        serde_json::to_writer(&mut self.writer, element)?;
        Ok(())
    }
}
