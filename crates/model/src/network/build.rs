//! The order in which a network is built from a snapshot, and the bookkeeping of what is wrong with it.

use std::borrow::Borrow;
use std::fmt;
use std::net::Ipv4Addr;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use super::table::{Ref, Resource, Table};
use super::{AddressIndex, Network, cluster, filter, interface, kubernetes, place, routing};
use crate::aws;
use crate::draining::Draining;
use crate::ids::IdError;
use crate::snapshot::{Located, Place, Snapshot};

/// Problems of content: every one names file and JSON path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct BuildErrors(pub Vec<String>);

/// A network under construction.
#[derive(Debug)]
pub(super) struct Builder<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) network: Network,
    problems: Vec<(Place, String)>,
}

impl Builder<'_> {
    /// Notes that the element at `at` is wrong in the field at `path`.
    #[expect(clippy::needless_pass_by_value, reason = "every caller makes the sentence for this call")]
    pub(super) fn problem(&mut self, at: Place, path: &str, message: String) {
        let text = format!("{}: {message}", self.snapshot.locate(at, path));
        self.problems.push((at, text));
    }

    /// Notes something that does not stop an analysis.
    pub(super) fn warn(&mut self, line: String) {
        self.network.warnings.push(line);
    }

    /// How many problems there are so far.
    pub(super) fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// Turns the problems noted since `count` into warnings; tells whether there were any.
    pub(super) fn excuse_problems(&mut self, count: usize) -> bool {
        let excused = self.problems.split_off(count.min(self.problems.len()));
        let any = !excused.is_empty();
        self.network.warnings.extend(excused.into_iter().map(|(_, text)| text));
        any
    }

    /// Parses an id that must be there.
    #[expect(clippy::ref_option, reason = "the shapes' fields are options and are passed as they are")]
    pub(super) fn id<I>(
        &mut self,
        text: &Option<impl Clone + Into<Arc<str>>>,
        at: Place,
        path: impl fmt::Display,
    ) -> Option<I>
    where
        I: TryFrom<Arc<str>, Error = IdError>,
    {
        match text.clone().map(|text| I::try_from(text.into())) {
            Some(Ok(id)) => Some(id),
            Some(Err(error)) => {
                self.problem(at, &path.to_string(), error.to_string());
                None
            }
            None => {
                self.problem(at, &path.to_string(), "is missing".to_owned());
                None
            }
        }
    }

    /// Parses and resolves a reference that may be absent.
    #[expect(clippy::ref_option, reason = "the shapes' fields are options and are passed as they are")]
    pub(super) fn optional_ref<T>(
        &mut self,
        text: &Option<impl Deref<Target = str>>,
        at: Place,
        path: impl fmt::Display,
        table: impl Fn(&Network) -> &Table<T>,
    ) -> Option<Ref<T>>
    where
        T: Resource,
        T::Id: FromStr<Err = IdError>,
    {
        let text = text.as_deref().filter(|text| !text.is_empty())?;
        if let Some(idx) = table(&self.network).find_text(text) {
            return Some(Ref::Known(idx));
        }
        match text.parse::<T::Id>() {
            Ok(id) => Some(Ref::Missing(id)),
            Err(error) => {
                self.problem(at, &path.to_string(), error.to_string());
                None
            }
        }
    }

    /// Parses an IPv4 address.
    pub(super) fn ipv4(&mut self, text: &str, at: Place, path: impl fmt::Display) -> Option<Ipv4Addr> {
        match text.parse() {
            Ok(address) => Some(address),
            Err(_) => {
                self.problem(at, &path.to_string(), format!("\"{text}\" is not an IPv4 address"));
                None
            }
        }
    }
}

/// Builds the network; the order is that of the references.
///
/// # Errors
///
/// Every problem of content in the snapshot, in the order of files and positions.
pub fn build(snapshot: &Snapshot) -> Result<Network, BuildErrors> {
    let resources = &snapshot.resources;
    assemble(snapshot, &resources.network_interfaces, &resources.instances)
}

/// [`build`], in less memory: what there is most of is dropped as soon as it is built.
///
/// # Errors
///
/// As [`build`].
pub fn build_owned(mut snapshot: Snapshot) -> Result<Network, BuildErrors> {
    let interfaces = std::mem::take(&mut snapshot.resources.network_interfaces);
    let instances = std::mem::take(&mut snapshot.resources.instances);
    assemble(&snapshot, Owned(interfaces), Owned(instances))
}

/// A list that gives its memory back while it is gone through.
struct Owned<T>(Vec<T>);

impl<T> AsRef<[T]> for Owned<T> {
    fn as_ref(&self) -> &[T] {
        &self.0
    }
}

impl<T> IntoIterator for Owned<T> {
    type Item = T;
    type IntoIter = Draining<T>;

    fn into_iter(self) -> Draining<T> {
        Draining::new(self.0)
    }
}

/// Builds the network from `snapshot`, but its interfaces and instances from these lists.
fn assemble<I, J>(snapshot: &Snapshot, interfaces: I, instances: J) -> Result<Network, BuildErrors>
where
    I: IntoIterator<Item: Borrow<Located<aws::NetworkInterface>>>,
    J: IntoIterator<Item: Borrow<Located<aws::Instance>>> + AsRef<[Located<aws::Instance>]>,
{
    let network = Network { warnings: snapshot.warnings.clone(), ..Network::default() };
    let mut builder = Builder { snapshot, network, problems: Vec::new() };
    filter::prefix_lists(&mut builder);
    place::vpcs(&mut builder);
    place::subnets(&mut builder);
    filter::security_groups(&mut builder);
    filter::network_acls(&mut builder);
    interface::instances(&mut builder, instances.as_ref());
    interface::interfaces(&mut builder, interfaces, instances);
    interface::endpoints(&mut builder);
    interface::services(&mut builder);
    routing::gateways(&mut builder);
    routing::route_tables(&mut builder);
    place::associations(&mut builder);
    cluster::clusters(&mut builder);
    kubernetes::kubernetes(&mut builder);
    if !builder.problems.is_empty() {
        builder.problems.sort();
        builder.problems.dedup();
        return Err(BuildErrors(builder.problems.into_iter().map(|(_, text)| text).collect()));
    }
    let addresses = AddressIndex::build(&builder);
    let mut network = builder.network;
    network.addresses = Arc::new(addresses);
    network.coverage = snapshot.coverage.clone();
    network.account_owners =
        snapshot.resources.security_groups.iter().filter_map(|group| group.value.owner_id.clone()).collect();
    Ok(network)
}
