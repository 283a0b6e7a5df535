//! Stage 4: answers into [`Resources`] and [`Coverage`], every element once.

use std::collections::btree_map;
use std::hash::{Hash as _, Hasher as _};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::{FxHashMap, FxHasher};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::batfish::{Gathered, ListenersOfBalancer, Propagations, StaticRoutes, TargetHealthOfGroup};
use super::decode::{self, Fault};
use super::element::{Element, Identity, ListKind};
use super::read::Answer;
use super::recognise::{Meaning, meaning};
use super::stream::{Declined, Input};
use super::{Problem, scan};
use crate::api::{Argument, Call};
use crate::aws::{self, Text};
use crate::document::Record;
use crate::draining::Draining;
use crate::snapshot::{CallStatus, FileIndex, Keyed, Located, Place, Resources, Scope, ScopeIndex, Snapshot};

/// Where an element can be found again: source, answer within the source, place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub source: usize,
    pub answer: usize,
    pub at: Place,
}

/// How two elements of one identity are related.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// Answers to one call in two files: they must be equal.
    SameCall,
    /// Twice in one file, which no AWS answer has: a test's, or patched together by hand.
    SameFile,
    /// Two accounts or Regions look at a shared resource.
    OtherScope,
    /// Two looks at a Kubernetes object, which changes all the time.
    Kubernetes,
}

/// Two elements of one identity, to be compared when everything is read.
#[derive(Debug)]
pub(super) struct Pair {
    pub kept: Spot,
    pub other: Spot,
    pub id: Text,
    pub relation: Relation,
}

/// An element that was kept: its identity's hash, its position in its list of resources, and in [`Gather::origins`] that
/// of where it came from.
#[derive(Debug)]
struct Kept {
    hash: u64,
    slot: u32,
    origin: u32,
}

/// The snapshot under construction.
#[derive(Debug, Default)]
pub(super) struct Gather {
    pub snapshot: Snapshot,
    pub problems: Vec<Problem>,
    pub pairs: Vec<Pair>,
    files: FxHashMap<String, FileIndex>,
    scopes: FxHashMap<Scope, ScopeIndex>,
    /// By kind.
    kept: FxHashMap<&'static str, HashTable<Kept>>,
    /// Sources and answers within them.
    origins: Vec<(usize, usize)>,
    /// Target health whose target group neither key nor document tells, with the file's stem.
    unnamed: Vec<(Spot, Keyed<aws::TargetHealth>, String)>,
}

/// The list of resources that elements of a kind go to.
type Slot<T> = fn(&mut Resources) -> &mut Vec<Located<T>>;

/// What the elements of one answer share.
#[derive(Clone, Copy)]
pub(super) struct Context<'c> {
    answer: &'c Answer<'c>,
    position: Spot,
    truncated: bool,
}

impl Context<'_> {
    fn spot(self, key: &'static str, index: Option<usize>, inner: Option<usize>) -> Spot {
        let narrow = |position: usize| u32::try_from(position).unwrap_or(u32::MAX);
        let at = Place { key, index: index.map(narrow), inner: inner.map(narrow), ..self.position.at };
        Spot { at, ..self.position }
    }
}

/// A long array, each of whose elements is kept by itself.
pub(super) trait List: Sync {
    /// Decodes and keeps all elements of `value`, and notes what is wrong with it.
    fn read(&self, gather: &mut Gather, context: Context<'_>, value: &RawValue);

    /// Decodes the array at which `input` stands.
    fn stream(&self, input: &mut Input<'_>) -> Result<Box<dyn Decoded>, Declined>;
}

/// Elements that are still to be kept.
pub(super) trait Decoded {
    /// Keeps them.
    fn keep(self: Box<Self>, gather: &mut Gather, context: Context<'_>);
}

/// The list for a top-level key, for those that mean the same call whatever is in them or beside them.
pub(super) fn list(key: &str) -> Option<&'static dyn List> {
    /// `"Key" list` for the plain arrays.
    macro_rules! arrays {
        ($($array:literal $list:ident;)*) => {
            match key {
                "Reservations" => Some(&Reservations),
                $($array => Some(const { &Array { key: $array, slot: |resources| &mut resources.$list } }),)*
                _ => None,
            }
        };
    }
    arrays! {
        "Vpcs" vpcs;
        "Subnets" subnets;
        "RouteTables" route_tables;
        "NetworkAcls" network_acls;
        "SecurityGroups" security_groups;
        "SecurityGroupRules" security_group_rules;
        "SecurityGroupVpcAssociations" security_group_vpc_associations;
        "NetworkInterfaces" network_interfaces;
        "InterfaceAssociations" trunk_associations;
        "InternetGateways" internet_gateways;
        "EgressOnlyInternetGateways" egress_only_gateways;
        "NatGateways" nat_gateways;
        "Addresses" addresses;
        "VpcPeeringConnections" peerings;
        "VpcEndpoints" vpc_endpoints;
        "TransitGateways" transit_gateways;
        "TransitGatewayAttachments" transit_gateway_attachments;
        "TransitGatewayVpcAttachments" transit_gateway_vpc_attachments;
        "TransitGatewayPeeringAttachments" transit_gateway_peering_attachments;
        "TransitGatewayRouteTables" transit_gateway_route_tables;
        "VpnGateways" vpn_gateways;
        "DhcpOptions" dhcp_options;
        "VpcBlockPublicAccessExclusions" block_public_access_exclusions;
        "InstanceConnectEndpoints" instance_connect_endpoints;
        "LoadBalancers" load_balancers;
        "LoadBalancerDescriptions" classic_load_balancers;
        "Listeners" listeners;
        "TargetGroups" target_groups;
    }
}

/// An array of elements that are kept as they are.
struct Array<T: 'static> {
    key: &'static str,
    slot: Slot<T>,
}

impl<T: Element + DeserializeOwned + Send> List for Array<T> {
    fn read(&self, gather: &mut Gather, context: Context<'_>, value: &RawValue) {
        gather.array(context, self.key, value, self.slot);
    }

    fn stream(&self, input: &mut Input<'_>) -> Result<Box<dyn Decoded>, Declined> {
        Ok(Box::new(Elements { list: input.array()?, key: self.key, slot: self.slot }))
    }
}

struct Elements<T: 'static> {
    list: Vec<T>,
    key: &'static str,
    slot: Slot<T>,
}

impl<T: Element> Decoded for Elements<T> {
    fn keep(self: Box<Self>, gather: &mut Gather, context: Context<'_>) {
        let list = (self.slot)(&mut gather.snapshot.resources);
        if list.is_empty() {
            list.reserve_exact(self.list.len());
        }
        for (index, element) in Draining::new(self.list).enumerate() {
            gather.keep(context.spot(self.key, Some(index), None), element, self.slot);
        }
    }
}

/// Instances, which stand in reservations.
struct Reservations;

impl List for Reservations {
    fn read(&self, gather: &mut Gather, context: Context<'_>, value: &RawValue) {
        let (reservations, faults) = decode::array::<aws::Reservation>(value);
        gather.faults(context.spot("Reservations", None, None), faults);
        for (index, reservation) in reservations {
            gather.reservation(context, index, reservation);
        }
    }

    fn stream(&self, input: &mut Input<'_>) -> Result<Box<dyn Decoded>, Declined> {
        Ok(Box::new(input.array::<aws::Reservation>()?))
    }
}

impl Decoded for Vec<aws::Reservation> {
    fn keep(self: Box<Self>, gather: &mut Gather, context: Context<'_>) {
        let list = &mut gather.snapshot.resources.instances;
        if list.is_empty() {
            list.reserve_exact(self.iter().map(|reservation| reservation.instances.len()).sum());
        }
        for (index, reservation) in Draining::new(*self).enumerate() {
            gather.reservation(context, index, reservation);
        }
    }
}

impl Gather {
    pub(super) fn new() -> Self {
        let mut gather = Self::default();
        gather.scope(&Scope::default());
        gather
    }

    /// Notes what a document tells of a call that has no answer.
    pub(super) fn told(&mut self, record: &Record) {
        let scope = self.scope(&record.scope());
        if let (Some(call), Some(status)) = (record.call.as_deref().and_then(Call::parse), record.call_status()) {
            self.cover(scope, call, status, &record.vpcs);
        }
    }

    /// Takes in one answer; whether there was anything of AWS's in it.
    pub(super) fn answer(&mut self, source: usize, position: usize, answer: &Answer<'_>) -> bool {
        self.decoded(source, position, answer, Vec::new())
    }

    /// Takes in one answer, some of whose members may be `decoded` already; their texts stand for arrays without saying
    /// what is in them.
    pub(super) fn decoded(
        &mut self,
        source: usize,
        position: usize,
        answer: &Answer<'_>,
        mut decoded: Vec<Option<Box<dyn Decoded>>>,
    ) -> bool {
        let file = self.file(&answer.file);
        let scope = self.scope(&answer.scope);
        let at = Place { file, key: "", index: None, inner: None, scope };
        let continuation = answer.continuation();
        let recorded =
            answer.record.as_ref().and_then(Record::call_status).filter(|status| *status != CallStatus::Complete);
        let truncated = continuation.is_some() || recorded.is_some();
        let context = Context { answer, position: Spot { source, answer: position, at }, truncated };
        let mut found = false;
        for (member, (key, value)) in answer.object.members.iter().enumerate() {
            let call = match meaning(answer, key, value) {
                Meaning::Answer(call) => call,
                Meaning::WithoutId(call) => {
                    self.warn_without_id(answer, key, call);
                    found = true;
                    continue;
                }
                Meaning::Foreign(call) => {
                    self.warn_without_id(answer, key, call);
                    continue;
                }
                Meaning::Kept => {
                    found = true;
                    continue;
                }
                Meaning::Sibling | Meaning::Unknown => continue,
            };
            found = true;
            let status = match (&recorded, continuation) {
                (Some(status), _) => status.clone(),
                (None, Some(_)) => CallStatus::Truncated,
                (None, None) => CallStatus::Complete,
            };
            if status == CallStatus::Truncated {
                let reason = continuation.map_or_else(|| "the answer".to_owned(), |key| format!("`{key}`"));
                self.warn(format!(
                    "{}: {key}: truncated: {reason} says that there is more; what depends on `{call}` is unknown",
                    answer.file
                ));
            }
            let limits = answer.record.as_ref().map_or(&[][..], |record| &record.vpcs);
            self.cover(scope, call, status, limits);
            match decoded.get_mut(member).and_then(Option::take) {
                Some(elements) => elements.keep(self, context),
                None => self.member(context, key, value),
            }
        }
        found
    }

    /// Decodes the value of a key that answers a call.
    fn member(&mut self, context: Context<'_>, key: &str, value: &RawValue) {
        if let Some(list) = list(key) {
            return list.read(self, context, value);
        }
        match key {
            "VpcBlockPublicAccessOptions" => {
                self.single(context, "VpcBlockPublicAccessOptions", value, |r| &mut r.block_public_access_options);
            }
            "cluster" => self.single(context, "cluster", value, |r| &mut r.clusters),
            "nodegroup" => self.single(context, "nodegroup", value, |r| &mut r.nodegroups),
            "fargateProfile" => self.single(context, "fargateProfile", value, |r| &mut r.fargate_profiles),
            "addon" => self.single(context, "addon", value, |r| &mut r.addons),
            "Entries" => {
                let call = Call::GetManagedPrefixListEntries;
                self.keyed(context, "Entries", call, value, |r| &mut r.prefix_list_entries);
            }
            "Associations" => {
                let call = Call::GetTransitGatewayRouteTableAssociations;
                self.keyed(context, "Associations", call, value, |r| &mut r.transit_gateway_associations);
            }
            "TransitGatewayRouteTablePropagations" => {
                let call = Call::GetTransitGatewayRouteTablePropagations;
                let key = "TransitGatewayRouteTablePropagations";
                self.keyed(context, key, call, value, |r| &mut r.transit_gateway_propagations);
            }
            "Routes" => {
                let call = Call::SearchTransitGatewayRoutes;
                self.keyed(context, "Routes", call, value, |r| &mut r.transit_gateway_routes);
            }
            "TargetHealthDescriptions" => self.target_health(context, value),
            "EnableDnsSupport" => self.vpc_attribute(context, "EnableDnsSupport", value),
            "EnableDnsHostnames" => self.vpc_attribute(context, "EnableDnsHostnames", value),
            "TransitGatewayStaticRoutes" => {
                self.gathered::<StaticRoutes>(context, "TransitGatewayStaticRoutes", value, |r| {
                    &mut r.transit_gateway_static_routes
                });
            }
            "TransitGatewayPropagations" => {
                self.gathered::<Propagations>(context, "TransitGatewayPropagations", value, |r| {
                    &mut r.transit_gateway_propagations
                });
            }
            "LoadBalancerTargetHealth" => {
                self.gathered::<TargetHealthOfGroup>(context, "LoadBalancerTargetHealth", value, |r| {
                    &mut r.target_health
                });
            }
            "LoadBalancerListeners" => self.gathered_listeners(context, value),
            "items" => self.kubernetes_items(context, value),
            "kind" => {
                if let Some(kind) = context.answer.kubernetes_object() {
                    let text = context.answer.object.text;
                    if let Ok(whole) = serde_json::from_str::<&RawValue>(text) {
                        self.kubernetes(context.spot(kind, None, None), kind, whole);
                    }
                }
            }
            "PrefixLists" => self.array(context, "PrefixLists", value, |r| &mut r.prefix_lists),
            _ => {}
        }
    }

    fn array<T: Element + DeserializeOwned>(
        &mut self,
        context: Context<'_>,
        key: &'static str,
        value: &RawValue,
        slot: Slot<T>,
    ) {
        let (items, faults) = decode::array(value);
        self.faults(context.spot(key, None, None), faults);
        for (index, item) in items {
            self.keep(context.spot(key, Some(index), None), item, slot);
        }
    }

    fn single<T: Element + DeserializeOwned>(
        &mut self,
        context: Context<'_>,
        key: &'static str,
        value: &RawValue,
        slot: Slot<T>,
    ) {
        self.one(context.spot(key, None, None), value, slot);
    }

    fn one<T: Element + DeserializeOwned>(&mut self, spot: Spot, value: &RawValue, slot: Slot<T>) {
        match decode::object(value) {
            Ok(item) => self.keep(spot, item, slot),
            Err(faults) => self.faults(spot, faults),
        }
    }

    /// `Reservations[i].Instances[j]`.
    fn reservation(&mut self, context: Context<'_>, index: usize, reservation: aws::Reservation) {
        for (inner, instance) in reservation.instances.0.into_iter().enumerate() {
            self.keep(context.spot("Reservations", Some(index), Some(inner)), instance, |r| &mut r.instances);
        }
    }

    /// A list whose id stands beside it, in the document's record or in the file's name.
    fn keyed<T: ListKind + DeserializeOwned>(
        &mut self,
        context: Context<'_>,
        key: &'static str,
        call: Call,
        value: &RawValue,
        slot: Slot<Keyed<T>>,
    ) {
        let spot = context.spot(key, None, None);
        let Some(id) = context.answer.id(call) else { return };
        let items = self.list(spot, value);
        self.keep(spot, Keyed { id, items, truncated: context.truncated }, slot);
    }

    fn list<T: DeserializeOwned>(&mut self, spot: Spot, value: &RawValue) -> aws::List<T> {
        let (items, faults) = decode::array(value);
        self.faults(spot, faults);
        aws::List(items.into_iter().map(|(_, item)| item).collect())
    }

    /// Targets, whose group's ARN fits into no file name: the end of the ARN or the group's name does.
    fn target_health(&mut self, context: Context<'_>, value: &RawValue) {
        let spot = context.spot("TargetHealthDescriptions", None, None);
        let id = context.answer.told("TargetGroupArn");
        let items = self.list(spot, value);
        let health = Keyed { id: id.clone().unwrap_or_default(), items, truncated: context.truncated };
        match id {
            Some(_) => self.keep(spot, health, |r| &mut r.target_health),
            None => self.unnamed.push((spot, health, context.answer.stem().to_owned())),
        }
    }

    /// One attribute of one VPC.
    fn vpc_attribute(&mut self, context: Context<'_>, key: &'static str, value: &RawValue) {
        let spot = context.spot(key, None, None);
        let attribute = match decode::object::<aws::AttributeValue>(value) {
            Ok(attribute) => Some(attribute),
            Err(faults) => return self.faults(spot, faults),
        };
        let vpc_id = context.answer.id(Call::DescribeVpcAttribute);
        let value = if key == "EnableDnsSupport" {
            aws::VpcAttribute { vpc_id, enable_dns_support: attribute, enable_dns_hostnames: None }
        } else {
            aws::VpcAttribute { vpc_id, enable_dns_support: None, enable_dns_hostnames: attribute }
        };
        self.keep(spot, value, |r| &mut r.vpc_attributes);
    }

    /// Batfish's arrays of per-id answers.
    fn gathered<G: Gathered>(
        &mut self,
        context: Context<'_>,
        key: &'static str,
        value: &RawValue,
        slot: Slot<Keyed<G::Item>>,
    ) {
        let (answers, faults) = decode::array::<G>(value);
        self.faults(context.spot(key, None, None), faults);
        for (index, answer) in answers {
            let spot = context.spot(key, Some(index), None);
            let truncated = context.truncated || answer.more();
            let (id, items) = answer.take();
            match id.filter(|id| !id.is_empty()) {
                Some(id) => self.keep_as(G::KIND, spot, Keyed { id, items, truncated }, slot),
                None => self.warn_at(spot, &format!("not read: {} is missing", G::ID)),
            }
        }
    }

    fn gathered_listeners(&mut self, context: Context<'_>, value: &RawValue) {
        let key = "LoadBalancerListeners";
        let (balancers, faults) = decode::array::<ListenersOfBalancer>(value);
        self.faults(context.spot(key, None, None), faults);
        for (index, balancer) in balancers {
            for (inner, mut listener) in balancer.listeners.0.into_iter().enumerate() {
                listener.load_balancer_arn = listener.load_balancer_arn.or_else(|| balancer.load_balancer_arn.clone());
                self.keep(context.spot(key, Some(index), Some(inner)), listener, |r| &mut r.listeners);
            }
        }
    }

    /// The items of a Kubernetes list; those of a typed list (`PodList`) do not say their kind.
    fn kubernetes_items(&mut self, context: Context<'_>, value: &RawValue) {
        #[derive(Deserialize)]
        struct Head {
            kind: Option<Text>,
        }
        let of_list = context.answer.object.text_of("kind");
        let of_list = of_list.as_deref().and_then(|kind| kind.strip_suffix("List"));
        for (index, item) in scan::elements(value).unwrap_or_default().into_iter().enumerate() {
            let spot = context.spot("items", Some(index), None);
            match decode::object::<Head>(item) {
                Ok(Head { kind }) => self.kubernetes(spot, kind.as_deref().or(of_list).unwrap_or_default(), item),
                Err(faults) => self.faults(spot, faults),
            }
        }
    }

    fn kubernetes(&mut self, spot: Spot, kind: &str, object: &RawValue) {
        match kind {
            "Pod" => self.one(spot, object, |r| &mut r.pods),
            "Node" => self.one(spot, object, |r| &mut r.nodes),
            "Service" => self.one(spot, object, |r| &mut r.services),
            "EndpointSlice" => self.one(spot, object, |r| &mut r.endpoint_slices),
            "DaemonSet" => self.one(spot, object, |r| &mut r.daemon_sets),
            "APIService" => self.one(spot, object, |r| &mut r.api_services),
            "ValidatingWebhookConfiguration" => self.one(spot, object, |r| &mut r.validating_webhooks),
            "MutatingWebhookConfiguration" => self.one(spot, object, |r| &mut r.mutating_webhooks),
            _ => {}
        }
    }

    fn keep<T: Element>(&mut self, spot: Spot, value: T, slot: Slot<T>) {
        self.keep_as(value.kind(), spot, value, slot);
    }

    /// Keeps `value`, unless an element of that identity is there already; then the one that counts stays, and the two
    /// are noted for comparison.
    fn keep_as<T: Element>(&mut self, kind: &'static str, spot: Spot, value: T, slot: Slot<T>) {
        let id = match value.identity() {
            Identity::Of(id) => Some(id),
            Identity::Nameless => None,
            Identity::Missing(field) => {
                self.problems.push(self.problem_at(spot, "", format!("{field} is missing")));
                return;
            }
        };
        let origin = (spot.source, spot.answer);
        if self.origins.last() != Some(&origin) {
            self.origins.push(origin);
        }
        let origin = u32::try_from(self.origins.len() - 1).unwrap_or(u32::MAX);
        let list = slot(&mut self.snapshot.resources);
        let Some(id) = id else {
            list.push(Located { value, at: spot.at });
            return;
        };
        let mut hasher = FxHasher::default();
        id.hash(&mut hasher);
        let hash = hasher.finish();
        let at = |list: &[Located<T>], kept: &Kept| list.get(kept.slot as usize).map(|found| found.value.identity());
        let same = |kept: &Kept| kept.hash == hash && at(list, kept).is_some_and(|found| found.is(&id));
        match self.kept.entry(kind).or_default().entry(hash, same, |kept| kept.hash) {
            Entry::Vacant(entry) => {
                entry.insert(Kept { hash, slot: u32::try_from(list.len()).unwrap_or(u32::MAX), origin });
                list.push(Located { value, at: spot.at });
            }
            Entry::Occupied(mut entry) => {
                let kept = entry.get_mut();
                let Some(old) = list.get_mut(kept.slot as usize) else { return };
                let kept_spot = self.origins.get(kept.origin as usize).copied().unwrap_or_default();
                let kept_spot = Spot { source: kept_spot.0, answer: kept_spot.1, at: old.at };
                let scopes = &self.snapshot.coverage.scopes;
                let scope_of = |at: Place| scopes.get(at.scope as usize);
                let (mine, theirs) = (scope_of(spot.at), scope_of(old.at));
                let same = mine == theirs || spot.at.scope == 0 || old.at.scope == 0;
                let value = if same {
                    match old.value.absorb(value) {
                        Some(value) => value,
                        None => return,
                    }
                } else {
                    value
                };
                let relation = match (T::KUBERNETES, same) {
                    (true, _) => Relation::Kubernetes,
                    (false, true) if spot.at.file == old.at.file => Relation::SameFile,
                    (false, true) => Relation::SameCall,
                    (false, false) => Relation::OtherScope,
                };
                let owns = |value: &T, scope: Option<&Scope>| {
                    value.owner().is_some() && value.owner() == scope.and_then(|scope| scope.account.as_deref())
                };
                let replaces = match relation {
                    Relation::SameCall | Relation::SameFile => false,
                    Relation::Kubernetes => value.version() > old.value.version(),
                    Relation::OtherScope => {
                        (owns(&value, mine), std::cmp::Reverse(mine))
                            > (owns(&old.value, theirs), std::cmp::Reverse(theirs))
                    }
                };
                let mut pair = Pair { kept: kept_spot, other: spot, id, relation };
                if replaces {
                    *old = Located { value, at: spot.at };
                    kept.origin = origin;
                    std::mem::swap(&mut pair.kept, &mut pair.other);
                }
                self.pairs.push(pair);
            }
        }
    }

    /// Finds the target groups of the target health that does not name them.
    pub(super) fn finish(&mut self) {
        for (spot, mut health, stem) in std::mem::take(&mut self.unnamed) {
            let groups = self.snapshot.resources.target_groups.iter().map(|group| &group.value);
            match scan::group_in_name(&stem, groups) {
                Some(arn) => {
                    health.id = arn;
                    self.keep(spot, health, |r| &mut r.target_health);
                }
                None => self.warn_at(
                    spot,
                    "not read: neither a key `TargetGroupArn` beside it nor the file's name tells the target group",
                ),
            }
        }
    }

    fn file(&mut self, name: &str) -> FileIndex {
        if let Some(&index) = self.files.get(name) {
            return index;
        }
        let index = FileIndex::try_from(self.snapshot.files.len()).unwrap_or(FileIndex::MAX);
        self.snapshot.files.push(name.to_owned());
        self.files.insert(name.to_owned(), index);
        index
    }

    fn scope(&mut self, scope: &Scope) -> ScopeIndex {
        if let Some(&index) = self.scopes.get(scope) {
            return index;
        }
        let scopes = &mut self.snapshot.coverage.scopes;
        let index = ScopeIndex::try_from(scopes.len()).unwrap_or(ScopeIndex::MAX);
        scopes.push(scope.clone());
        self.scopes.insert(scope.clone(), index);
        index
    }

    /// Notes the fate of `call`; of two reports on one call the one with the higher rank stays.
    fn cover(&mut self, scope: ScopeIndex, call: Call, status: CallStatus, limits: &[Text]) {
        // Where the account is known and the call takes no id, an answer settles it, whoever else was refused.
        let one_question = scope != 0 && call.argument() == Argument::None;
        let rank = |status: &CallStatus| match status {
            CallStatus::NotCollected => 0,
            CallStatus::Failed(_) if one_question => 1,
            CallStatus::Denied(_) if one_question => 2,
            CallStatus::Complete => 3,
            CallStatus::Failed(_) => 4,
            CallStatus::Denied(_) => 5,
            CallStatus::Truncated => 6,
        };
        if status == CallStatus::NotCollected {
            return;
        }
        self.limit(scope, call, limits);
        let calls = &mut self.snapshot.coverage.calls;
        let higher = calls.get(&(scope, call)).is_none_or(|old| rank(&status) > rank(old));
        if higher {
            calls.insert((scope, call), status);
        }
    }

    /// Notes the VPCs that a call was limited to. Several limited answers go together; one without limits speaks of all.
    fn limit(&mut self, scope: ScopeIndex, call: Call, vpcs: &[Text]) {
        let coverage = &mut self.snapshot.coverage;
        let answered = coverage.calls.contains_key(&(scope, call));
        match coverage.within.entry((scope, call)) {
            btree_map::Entry::Occupied(old) if vpcs.is_empty() => drop(old.remove()),
            btree_map::Entry::Occupied(mut old) => old.get_mut().extend(vpcs.iter().cloned()),
            btree_map::Entry::Vacant(new) if !answered && !vpcs.is_empty() => {
                new.insert(vpcs.iter().cloned().collect());
            }
            btree_map::Entry::Vacant(_) => {}
        }
    }

    fn faults(&mut self, spot: Spot, faults: Vec<Fault>) {
        for fault in faults {
            let index = fault.index.map_or_else(String::new, |index| format!("[{index}]"));
            self.problems.push(self.problem_at(spot, &format!("{index}{}", fault.path), fault.message));
        }
    }

    fn problem_at(&self, spot: Spot, path: &str, message: String) -> Problem {
        let file = self.snapshot.files.get(spot.at.file as usize).map_or("", String::as_str);
        Problem::new(file, &format!("{}{path}", spot.at.path()), message)
    }

    fn warn_at(&mut self, spot: Spot, message: &str) {
        self.warn(self.problem_at(spot, "", message.to_owned()).to_string());
    }

    fn warn_without_id(&mut self, answer: &Answer<'_>, key: &str, call: Call) {
        let Argument::Each(argument) = call.argument() else { return };
        self.warn(format!(
            "{}: {key}: not read: neither a key `{argument}` beside it nor the file's name tells what `{call}` was \
             asked for",
            answer.file
        ));
    }

    fn warn(&mut self, line: String) {
        self.snapshot.warnings.push(line);
    }
}
