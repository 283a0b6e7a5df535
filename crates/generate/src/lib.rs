//! Synthetic AWS estates: what the AWS CLI would print about an account that does not exist, of any size, the same to
//! the byte for the same [`Request`]. They are for measurements that anybody can repeat, with this or another tool.
//!
//! Nothing about verdicts is known here, and nothing of the crates that judge is used: an estate is a plan (`plan`),
//! from which interfaces follow one at a time (`walk`) and are written as they come (`shape`, `files`). What the plan
//! holds grows with the services, not with the interfaces.

mod combine;
mod files;
mod id;
mod plan;
mod profile;
mod random;
mod shape;
mod walk;

use std::io;
use std::path::{Path, PathBuf};

pub use profile::{Profile, UnknownProfile};

/// The smallest estate.
pub const SMALLEST: usize = 50;
/// The largest estate.
pub const LARGEST: usize = 512_000;
/// More interfaces than this are more than one VPC.
pub(crate) const MAXIMUM_OF_VPC: usize = 256_000;

/// What to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Network interfaces, from [`SMALLEST`] to [`LARGEST`].
    pub enis: usize,
    /// The shape.
    pub profile: Profile,
    /// How many services share the interfaces; `None` for as many as an estate of that size has. With a fixed number
    /// the services grow, not their count.
    pub services: Option<usize>,
    /// Another seed, another estate of the same shape.
    pub seed: u64,
    /// How the answers are put into files.
    pub layout: Layout,
}

/// How answers are put into files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One file per call of the AWS CLI, as `reach snapshot script` writes them.
    Aws,
    /// `aws_configs/accounts/ACCOUNT/REGION/KEY.json`, as Batfish reads them.
    Batfish,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Network interfaces.
    pub enis: usize,
    /// Security groups.
    pub groups: usize,
    /// Their rules, one peer each.
    pub rules: usize,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Outside [`SMALLEST`]..=[`LARGEST`].
    #[error("an estate has {SMALLEST} to {LARGEST} network interfaces, not {0}")]
    Size(usize),
    /// There is something in the directory already.
    #[error("`{}` is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// There is something else under this name.
    #[error("`{}` is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// Writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes an estate into `directory`, which appears when it is complete, or not at all.
///
/// # Errors
///
/// The size is out of bounds, the directory holds something, or writing failed.
pub fn generate(request: &Request, directory: &Path) -> Result<Written, Error> {
    if !(SMALLEST..=LARGEST).contains(&request.enis) {
        return Err(Error::Size(request.enis));
    }
    let draft = files::Draft::create(directory)?;
    let plan = plan::Plan::new(request);
    let mut files = files::Files::new(draft.path(), request.layout)?;
    let enis = shape::write(&plan, &mut files)?;
    let written =
        Written { enis, groups: plan.groups.len(), rules: plan.rules(), files: files.count, bytes: files.bytes };
    draft.publish()?;
    Ok(written)
}

#[cfg(test)]
mod tests;
