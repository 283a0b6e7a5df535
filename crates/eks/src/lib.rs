//! EKS roles and the selectors of the command line: from what a person writes to the endpoints that are meant.
//!
//! `select` reads the grammar and finds resources, `roles` knows who nodes, pods and control planes are, `names`
//! resolves what only a name server would (`apiserver`, `aws/…`, services), as the source would see it.

pub mod audit;
mod names;
mod roles;
mod select;

use reach_engine::endpoint::{Destination, Endpoint};
use reach_engine::pair::Ask;
use reach_engine::question::Question;
use reach_model::Network;
use reach_model::network::{Idx, Ref, Vpc};
use rustc_hash::FxHashMap;

pub use roles::{Cluster, clusters, control_plane, nodes, pods};
use select::Scope;

/// A selector that means nothing, or more than one thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SelectorError {
    /// One line: what is wrong with which selector.
    pub message: String,
    /// What could have been meant, in the form that can be typed.
    pub candidates: Vec<String>,
}

impl SelectorError {
    fn new(message: String) -> Self {
        Self { message, candidates: Vec::new() }
    }

    fn with(message: String, candidates: impl IntoIterator<Item = String>) -> Self {
        let mut candidates: Vec<String> = candidates.into_iter().collect();
        candidates.sort();
        candidates.dedup();
        candidates.truncate(12);
        Self { message, candidates }
    }
}

/// Turns two selectors into a question. `to` is resolved along the routes and names of `from`.
///
/// # Errors
///
/// A selector that matches nothing or stays ambiguous, with candidates.
pub fn question(
    network: &Network,
    from: &str,
    to: &str,
    cluster: Option<&str>,
    ask: Ask,
) -> Result<Question, SelectorError> {
    let sources = select::sources(network, Scope { cluster, vpc: None }, from)?;
    question_from(network, sources, to, cluster, ask)
}

/// [`question`] of sources that were found before.
fn question_from(
    network: &Network,
    sources: Vec<Endpoint>,
    to: &str,
    cluster: Option<&str>,
    ask: Ask,
) -> Result<Question, SelectorError> {
    let scope = Scope { cluster, vpc: None };
    let mut question = Question { from: sources, to: Vec::new(), products: Vec::new(), ask, assumptions: Vec::new() };
    // A name or an address may mean something else in each VPC that a source lies in.
    let mut places: Vec<(Option<Idx<Vpc>>, Vec<usize>)> = Vec::new();
    for (position, endpoint) in question.from.iter().enumerate() {
        let place = vpc_of(network, endpoint);
        match places.iter_mut().find(|(known, _)| *known == place) {
            Some((_, list)) => list.push(position),
            None => places.push((place, vec![position])),
        }
    }
    let mut known: FxHashMap<Destination, usize> = FxHashMap::default();
    for (place, positions) in places {
        let view = select::View { place, outside: place.is_none(), assumptions: &mut question.assumptions };
        let destinations = select::destinations(network, scope, to, view)?;
        let targets =
            destinations.into_iter().map(|destination| intern(&mut question.to, &mut known, destination)).collect();
        question.products.push((positions, targets));
    }
    // The same destinations for all VPCs are one product.
    if let Some((_, first)) = question.products.first().cloned()
        && question.products.iter().all(|(_, targets)| *targets == first)
    {
        question.products = vec![((0..question.from.len()).collect(), first)];
    }
    Ok(question)
}

/// The endpoints that a selector means by itself, whoever asks.
///
/// # Errors
///
/// A selector that matches nothing or stays ambiguous, with candidates.
pub fn endpoints(network: &Network, selector: &str, cluster: Option<&str>) -> Result<Vec<Endpoint>, SelectorError> {
    select::sources(network, Scope { cluster, vpc: None }, selector)
}

fn intern(list: &mut Vec<Destination>, known: &mut FxHashMap<Destination, usize>, destination: Destination) -> usize {
    *known.entry(destination).or_insert_with_key(|destination| {
        list.push(destination.clone());
        list.len() - 1
    })
}

/// The VPC that an endpoint lies in.
fn vpc_of(network: &Network, endpoint: &Endpoint) -> Option<Idx<Vpc>> {
    network.interfaces.get(endpoint.interface()?).vpc.as_ref().and_then(Ref::known)
}
