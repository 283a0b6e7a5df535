//! A header-space algebra: exact sets of packet headers and the operations on them.
//!
//! A *header space* is the set of all headers that a packet can carry. Here a header is a
//! [`Flow`]: two addresses of one family, a protocol number and, where the protocol has them,
//! ports or an ICMP type and code. A firewall rule, a route or a question such as "who reaches
//! port 443 of this address" is a *set* of headers. With sets, a whole rule list is evaluated at
//! once for every header, instead of probing it header by header, and the answer is exact: no
//! header is lost and none is made up.
//!
//! The types build on each other:
//!
//! - [`IntervalSet`] is a canonical list of closed intervals of unsigned integers;
//! - [`IpSet`], [`IcmpSet`] and [`PortSet`] are products of interval sets, with a text form;
//! - [`Cube`] is a product of one set per header field, and [`FlowSet`] is a disjoint union of
//!   cubes. It is closed under union, intersection, subtraction and complement.
//!
//! Every text form that is printed parses back to an equal value. Nothing in this crate panics,
//! reads a clock or touches the outside world.
//!
//! # Complexity
//!
//! Below, `n` and `m` are the numbers of intervals of the two operands. `N` is the number of
//! intervals of all sets handed to a partition, and `k` is the number of sets that it partitions
//! by. `c` and `d` are the numbers of cubes of the two operands, and `w` is the number of
//! intervals in the largest of their cubes. Time and space are of the same order unless told.
//!
//! | operation | time |
//! | --- | --- |
//! | membership in an interval set | `O(log n)`, no allocation |
//! | union, intersection, subtraction, superset and overlap of interval sets | `O(n + m)` |
//! | complement, count | `O(n)` |
//! | building from unsorted ranges | `O(n log n)` |
//! | [`IntervalSet::partition`] | `O(N log N + N log k)` expected, space `O(N log k + k)` |
//! | [`IpSet::cidrs`] | `O(n b)`, where `b` is 32 or 128 address bits |
//! | operations of [`IpSet`], [`IcmpSet`], [`PortSet`] | as for their interval sets |
//! | [`FlowSet::contains`] | `O(c log w)`, no allocation |
//! | [`FlowSet::intersect`] | `O(c d w)`, at most `c d` cubes before merging |
//! | [`FlowSet::subtract`], [`FlowSet::union`] | `O(p d w)` for `p` pieces |
//!
//! Taking one cube from another leaves at most four pieces, one per header field. Taking `d`
//! cubes from `c` cubes therefore makes at most `c 4^d` pieces; and since all pieces are disjoint
//! cells of the grid that the operands' interval ends span, also at most `c (2 d w + 1)^4`. Rule
//! lists stay far below both: most cubes do not overlap, and pieces that differ in one field are
//! merged again after every operation.
//!
//! # Example
//!
//! ```
//! use reach_packets::{Flow, FlowSet};
//!
//! let allowed: FlowSet = "10.0.0.0/16 -> 10.0.9.4 : tcp 443,8000-8999".parse()?;
//! let denied: FlowSet = "10.0.1.0/24 -> 0.0.0.0/0 : tcp 443".parse()?;
//! let open = allowed.subtract(&denied);
//!
//! let flow: Flow = "tcp 10.0.1.7:32768 -> 10.0.9.4:443".parse()?;
//! assert!(!open.contains(&flow));
//! let flow: Flow = "tcp 10.0.2.7:32768 -> 10.0.9.4:443".parse()?;
//! assert!(open.contains(&flow));
//! # Ok::<(), reach_packets::ParseError>(())
//! ```

#![deny(missing_docs)]

mod cube;
mod error;
mod flow;
mod flow_set;
mod icmp_set;
mod interval_set;
mod ip_set;
#[cfg(test)]
mod laws;
mod partition;
mod port_set;
mod port_text;
mod protocol;
mod text;

pub use cube::Cube;
pub use error::ParseError;
pub use flow::{Flow, Transport};
pub use flow_set::FlowSet;
pub use icmp_set::IcmpSet;
pub use interval_set::{IntervalSet, Point, PortRanges};
pub use ip_set::IpSet;
pub use port_set::{Lane, PortSet};
pub use protocol::{Family, Protocol};
