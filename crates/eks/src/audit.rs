//! Would this cluster work? Every requirement of the table is asked of the network, and what fails is mended on paper.

mod finding;

pub use finding::{Asked, Audit, Finding, Judged, Level, Placement, Remark, Source, Status};
