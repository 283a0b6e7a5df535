//! Stage 1: from the paths a user gives to sources of JSON text, in a fixed order.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use super::Problem;
use crate::snapshot::Scope;

/// More text than this in one compressed document is taken for an attack, not a snapshot.
const DECOMPRESSED_LIMIT: u64 = 4 << 30;

/// One file, or one document held in memory.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    /// As the user would name it.
    pub name: String,
    /// Relative to the directory that was given; the bare file name where a file was given.
    pub relative: String,
    /// Which of the given paths it belongs to.
    pub root: usize,
    /// What the path tells.
    pub scope: Scope,
    origin: Origin<'a>,
}

#[derive(Debug)]
enum Origin<'a> {
    File(PathBuf),
    Memory(Cow<'a, [u8]>),
}

impl<'a> Source<'a> {
    /// A document that the caller holds.
    pub(crate) fn in_memory(name: String, bytes: Cow<'a, [u8]>) -> Self {
        let scope = scope_of(Path::new(&name));
        Self { relative: name.clone(), name, root: 0, scope, origin: Origin::Memory(bytes) }
    }

    /// The JSON text: decompressed, without byte order mark. Windows PowerShell's `>` writes UTF-16.
    pub(crate) fn text(&self) -> Result<Cow<'_, str>, Problem> {
        let bytes = match &self.origin {
            Origin::File(path) => Cow::Owned(fs::read(path).map_err(|error| self.unreadable(&error))?),
            Origin::Memory(bytes) => Cow::Borrowed(&**bytes),
        };
        let bytes = if bytes.starts_with(&zstd::zstd_safe::MAGICNUMBER.to_le_bytes()) {
            Cow::Owned(decompress(&bytes).map_err(|error| self.unreadable(&error))?)
        } else {
            bytes
        };
        decode(bytes).ok_or_else(|| Problem::new(&self.name, "", "is not UTF-8 text".to_owned()))
    }

    /// The bytes, decompressed, to be read once from start to end; `None` where they are fewer than `least` or cannot be
    /// read.
    pub(crate) fn open(&self, least: u64) -> Option<Box<dyn io::Read + Send + '_>> {
        let mut input: Box<dyn io::Read + Send + '_> = match &self.origin {
            Origin::File(path) => {
                let metadata = fs::metadata(path).ok()?;
                if !metadata.is_file() || metadata.len() < least {
                    return None;
                }
                Box::new(fs::File::open(path).ok()?)
            }
            Origin::Memory(bytes) if bytes.len() as u64 >= least => Box::new(&**bytes),
            Origin::Memory(_) => return None,
        };
        let mut head = [0; 4];
        let mut length = 0;
        while let Some(rest) = head.get_mut(length..).filter(|rest| !rest.is_empty()) {
            match input.read(rest) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        let compressed = head == zstd::zstd_safe::MAGICNUMBER.to_le_bytes();
        let head = io::Cursor::new(head).take(length as u64);
        let whole = head.chain(input);
        if compressed {
            return Some(Box::new(zstd::Decoder::new(whole).ok()?.take(DECOMPRESSED_LIMIT)));
        }
        Some(Box::new(whole))
    }

    fn unreadable(&self, error: &io::Error) -> Problem {
        Problem::new(&self.name, "", format!("cannot be read: {}", reason(error)))
    }
}

fn decompress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    zstd::Decoder::new(bytes)?.take(DECOMPRESSED_LIMIT).read_to_end(&mut text)?;
    if text.len() as u64 == DECOMPRESSED_LIMIT {
        return Err(io::Error::other("more than 4 GiB when decompressed"));
    }
    Ok(text)
}

fn decode(bytes: Cow<'_, [u8]>) -> Option<Cow<'_, str>> {
    let utf16 = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.as_chunks().0.iter().copied().map(unit).collect();
        String::from_utf16(&units).ok().map(Cow::Owned)
    };
    match &*bytes {
        [0xff, 0xfe, rest @ ..] => return utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => return String::from_utf8(rest.to_vec()).ok().map(Cow::Owned),
        _ => {}
    }
    match bytes {
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
    }
}

/// The operating system's words, without `(os error 2)`.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split_once(" (os error").map_or(&*text, |(words, _)| words);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// The sources of all paths, and the problems met on the way with the path they belong to.
#[derive(Debug, Default)]
pub(crate) struct Found<'a> {
    pub sources: Vec<Source<'a>>,
    pub problems: Vec<(usize, Problem)>,
}

/// Finds the sources of all `paths`: files as they are, directories searched for `*.json` and sorted by path.
pub(crate) fn discover(paths: &[PathBuf]) -> Found<'static> {
    let Found { mut sources, mut problems } = Found::default();
    for (root, path) in paths.iter().enumerate() {
        let mut add = |file: PathBuf, name: &Path, relative: &Path| {
            let scope = scope_of(name);
            let (name, relative) = (display(name), display(relative));
            sources.push(Source { name, relative, root, scope, origin: Origin::File(file) });
        };
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => {
                let mut files = Vec::new();
                let mut more = Vec::new();
                search(path, &mut files, &mut BTreeSet::new(), &mut more);
                problems.extend(more.into_iter().map(|problem| (root, problem)));
                files.sort();
                for file in files {
                    let relative = file.strip_prefix(path).unwrap_or(&file).to_owned();
                    let name = if path == Path::new(".") { relative.clone() } else { file.clone() };
                    add(file, &name, &relative);
                }
            }
            Ok(_) => add(path.clone(), path, Path::new(path.file_name().unwrap_or(path.as_os_str()))),
            Err(error) => problems.push((root, Problem::new(&display(path), "", reason(&error)))),
        }
    }
    Found { sources, problems }
}

/// Collects the `*.json` files below `directory`, each directory once however many symbolic links lead to it.
fn search(directory: &Path, files: &mut Vec<PathBuf>, visited: &mut BTreeSet<PathBuf>, problems: &mut Vec<Problem>) {
    let mut fail = |path: &Path, error: &io::Error| {
        problems.push(Problem::new(&display(path), "", format!("cannot be read: {}", reason(error))));
    };
    match fs::canonicalize(directory) {
        Ok(path) if !visited.insert(path.clone()) => return,
        Ok(_) => {}
        Err(error) => return fail(directory, &error),
    }
    let entries = match fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Ok(entries) => entries,
        Err(error) => return fail(directory, &error),
    };
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    let mut directories = Vec::new();
    for path in paths {
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        match fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => directories.push(path),
            Ok(meta) if meta.is_file() && is_json => files.push(path),
            Err(error) if is_json => fail(&path, &error),
            Ok(_) | Err(_) => {}
        }
    }
    for path in directories {
        search(&path, files, visited, problems);
    }
}

fn display(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Account and Region from `…/accounts/<12 digits>/<region>/…`, or the Region alone from Batfish's
/// `…/aws_configs/<region>/…`.
fn scope_of(path: &Path) -> Scope {
    let parts: Vec<&str> = path
        .parent()
        .map(Path::components)
        .into_iter()
        .flatten()
        .filter_map(|part| if let Component::Normal(name) = part { name.to_str() } else { None })
        .collect();
    let account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    for window in parts.windows(3).rev() {
        if let &["accounts", id, region] = window
            && account(id)
            && is_region(region)
        {
            return Scope { account: Some(id.into()), region: Some(region.into()) };
        }
    }
    for window in parts.windows(2).rev() {
        if let &["aws_configs", region] = window
            && is_region(region)
        {
            return Scope { account: None, region: Some(region.into()) };
        }
    }
    Scope::default()
}

/// `eu-west-1`, `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [area, middle @ .., number] = &*parts else { return false };
    area.len() == 2
        && !middle.is_empty()
        && std::iter::once(area)
            .chain(middle)
            .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()))
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(path: &str) -> (Option<String>, Option<String>) {
        let scope = scope_of(Path::new(path));
        (scope.account.map(Into::into), scope.region.map(Into::into))
    }

    #[test]
    fn the_path_gives_account_and_region() {
        let both = (Some("123456789012".to_owned()), Some("eu-west-1".to_owned()));
        assert_eq!(scope("x/accounts/123456789012/eu-west-1/vpcs.json"), both);
        assert_eq!(scope("accounts/123456789012/us-gov-east-1/deep/er/vpcs.json").1.as_deref(), Some("us-gov-east-1"));
        assert_eq!(scope("aws_configs/accounts/123456789012/eu-west-1/Vpcs.json"), both);
        assert_eq!(scope("aws_configs/us-east-1/Vpcs.json"), (None, Some("us-east-1".to_owned())));
        for path in [
            "aws_configs/Vpcs.json",
            "accounts/123456789012/vpcs.json",
            "accounts/12345/eu-west-1/vpcs.json",
            "accounts/123456789012/eu-west-1",
            "accounts/123456789012/backup/vpcs.json",
            "vpcs.json",
        ] {
            assert_eq!(scope(path), (None, None), "{path}");
        }
    }

    #[test]
    fn byte_order_marks_are_no_part_of_the_text() {
        let text = |bytes: &[u8]| decode(Cow::Borrowed(bytes)).map(Cow::into_owned);
        assert_eq!(text(b"\xef\xbb\xbf{}").as_deref(), Some("{}"));
        assert_eq!(text(b"\xff\xfe{\0}\0").as_deref(), Some("{}"));
        assert_eq!(text(b"\xfe\xff\0{\0}").as_deref(), Some("{}"));
        assert_eq!(text(b"{}").as_deref(), Some("{}"));
        assert_eq!(text(b"\xc3("), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_is_searched_in_order_and_links_may_loop() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path();
        fs::create_dir_all(root.join("b/c")).unwrap();
        for name in ["b/c/z.json", "a.JSON", "b.json", "notes.txt", "cases.jsonl", ".hidden.json"] {
            fs::write(root.join(name), "{}").unwrap();
        }
        fs::create_dir(root.join(".git")).unwrap();
        fs::write(root.join(".git/x.json"), "{}").unwrap();
        std::os::unix::fs::symlink(root, root.join("b/loop")).unwrap();
        let found = discover(&[root.to_owned()]);
        let names: Vec<&str> = found.sources.iter().map(|source| &*source.relative).collect();
        assert_eq!(names, ["a.JSON", "b/c/z.json", "b.json"]);
        assert!(found.problems.is_empty());
    }

    #[test]
    fn a_missing_path_is_named() {
        let found = discover(&[PathBuf::from("no/such/directory")]);
        assert!(found.sources.is_empty());
        assert_eq!(found.problems[0].1.to_string(), "no/such/directory: no such file or directory");
    }
}
