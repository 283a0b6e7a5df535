//! What no packet shows: which groups a node's interface carries by tag (EK-21), and who else carries the control
//! plane's groups (EK-22).

use std::collections::{BTreeMap, BTreeSet};

use reach_engine::compile::Compiled;
use reach_engine::fix::Fix;
use reach_engine::host;
use reach_engine::question::{self, PairCounts};
use reach_model::Call;
use reach_model::change::{Change, Tag, TagResources};
use reach_model::network::{Idx, NetworkInterface, Ref, SecurityGroup, tag};

use super::ask;
use super::finding::{Finding, Level, Remark, Status};
use super::{AuditError, Scene, over, table};
use crate::roles;

/// Counts what was looked at by whether it is as it should be.
fn count(pairs: &mut PairCounts, good: Option<bool>) {
    pairs.total += 1;
    match good {
        Some(true) => pairs.reachable += 1,
        Some(false) => pairs.blocked += 1,
        None => pairs.unknown += 1,
    }
}

/// Every node's primary interface must carry exactly one group with `kubernetes.io/cluster/NAME=owned` (EK-21).
pub(super) fn owned_tag(scene: &Scene<'_>) -> Finding {
    let (id, title, source) = table::OWNED_TAG;
    let mut finding = ask::blank(id.to_owned(), Level::Minimum, title.to_owned(), source);
    let network = scene.network;
    let key = format!("kubernetes.io/cluster/{}", scene.cluster.name);
    let has = |group: &Ref<SecurityGroup>| match group {
        Ref::Known(idx) => Some(tag(&network.groups.get(*idx).tags, &key) == Some("owned")),
        Ref::Missing(_) => None,
    };
    // Nodes that carry the same groups are told together.
    let mut untagged: BTreeMap<Vec<String>, u64> = BTreeMap::new();
    let mut ambiguous: BTreeMap<Vec<Idx<SecurityGroup>>, u64> = BTreeMap::new();
    let tags_known = scene.collected(Call::DescribeSecurityGroups);
    for node in roles::nodes(network, &scene.cluster.name, None) {
        let Some(interface) = host::primary_interface(network, node) else {
            count(&mut finding.pairs, None);
            continue;
        };
        let groups = &network.interfaces.get(interface).groups;
        let mut owned: Vec<Idx<SecurityGroup>> =
            groups.iter().filter(|group| has(group) == Some(true)).filter_map(Ref::known).collect();
        let unseen = !tags_known || groups.iter().any(|group| has(group).is_none());
        match owned.len() {
            0 | 1 if unseen => count(&mut finding.pairs, None),
            1 => count(&mut finding.pairs, Some(true)),
            0 => {
                count(&mut finding.pairs, Some(false));
                *untagged.entry(groups.iter().map(|g| g.id(&network.groups).to_string()).collect()).or_insert(0) += 1;
            }
            _ => {
                count(&mut finding.pairs, Some(false));
                owned.sort();
                *ambiguous.entry(owned).or_insert(0) += 1;
            }
        }
    }
    if !scene.collected(Call::DescribeInstances) || !scene.collected(Call::DescribeNetworkInterfaces) {
        // Nodes that were not listed, or whose interfaces were not.
        count(&mut finding.pairs, None);
    }
    finding.status = over(finding.pairs).into();
    if finding.status == Status::NotApplicable && scene.misses_nodes() {
        finding.status = Status::Unknown;
    }
    for (groups, nodes) in untagged {
        let alone = groups.len() == 1;
        let note = if alone { "; with a single group today's controllers do without the tag" } else { "" };
        finding.remarks.push(Remark {
            code: "EKS_CLUSTER_TAG_MISSING",
            resource: groups.first().filter(|_| alone).cloned(),
            semantics: "EK-21",
            message: format!(
                "{nodes} of the nodes carry {}, and none has the tag {key}=owned{note}",
                groups.join(", ")
            ),
        });
    }
    let mut to_untag: BTreeSet<Idx<SecurityGroup>> = BTreeSet::new();
    for (groups, nodes) in ambiguous {
        let names: Vec<String> = groups.iter().map(|&group| network.groups.get(group).id.to_string()).collect();
        // EKS puts the tag of the cluster security group back: that one stays.
        let keep = scene.cluster_group().filter(|group| groups.contains(group)).or_else(|| groups.first().copied());
        to_untag.extend(groups.iter().copied().filter(|group| Some(*group) != keep));
        let kept = keep.map(|group| network.groups.get(group).id.to_string()).unwrap_or_default();
        finding.remarks.push(Remark {
            code: "EKS_CLUSTER_TAG_AMBIGUOUS",
            resource: None,
            semantics: "EK-21",
            message: format!(
                "{nodes} of the nodes carry {} groups with the tag {key}: {}; the load balancer controller then adds no \
                 rule and says `expect exactly one securityGroup tagged with {key}`; keep it on {kept}",
                names.len(),
                names.join(", ")
            ),
        });
    }
    if !to_untag.is_empty() {
        let resources = to_untag.into_iter().map(|group| network.groups.get(group).id.to_string()).collect();
        let tags = vec![Tag { key, value: Some("owned".to_owned()) }];
        let changes = vec![Change::DeleteTags(TagResources { resources, tags })];
        finding.fixes.push(Fix { changes, quota: Vec::new(), pairs: PairCounts::default() });
    }
    finding
}

/// Asks every question again on the network without the surplus tags: what the fix must not change, and that it mends.
pub(super) fn prove(scene: &Scene<'_>, findings: &mut [Finding]) -> Result<(), AuditError> {
    let (id, ..) = table::OWNED_TAG;
    let Some(position) = findings.iter().position(|finding| finding.id == id && !finding.fixes.is_empty()) else {
        return Ok(());
    };
    let mut changed = scene.network.clone();
    let changes: Vec<Change> =
        findings.get(position).into_iter().flat_map(|f| &f.fixes).flat_map(|fix| fix.changes.clone()).collect();
    let refused = changes.iter().find_map(|change| changed.apply(change).err());
    let compiled = Compiled::new(&changed);
    let mut same = 0_u64;
    let mut differs = false;
    for finding in findings.iter() {
        for judged in &finding.answers {
            let Ok(question) = judged.recipe.question(&changed, &scene.cluster.name) else {
                differs = true;
                continue;
            };
            match question::ask(&compiled, &question, scene.engine) {
                // The finding about public access counts its pairs in its own way.
                Ok(answer) if answer.pairs == judged.answer.pairs || finding.id == table::PUBLIC_ACCESS.0 => same += 1,
                Err(question::AskError::Contradiction(contradiction)) => return Err(contradiction.into()),
                _ => differs = true,
            }
        }
    }
    let after = owned_tag(&Scene::new(&changed, &compiled, scene.cluster, scene.engine));
    let Some(finding) = findings.get_mut(position) else { return Ok(()) };
    if refused.is_some() || differs || after.pairs.blocked >= finding.pairs.blocked {
        finding.fixes.clear();
        return Ok(());
    }
    for fix in &mut finding.fixes {
        fix.pairs = after.pairs;
    }
    finding.remarks.push(Remark {
        code: "EKS_TAGS_MOVE_NO_PACKET",
        resource: None,
        semantics: "EK-21",
        message: format!(
            "without the surplus tags all {same} questions of this report were asked again: the same answers"
        ),
    });
    Ok(())
}

/// The control plane's groups must be on nothing of another cluster's and on no unrelated interface (EK-22).
pub(super) fn shared_group(scene: &Scene<'_>) -> Finding {
    let (id, title, source) = table::SHARED_GROUP;
    let mut finding = ask::blank(id.to_owned(), Level::Recommended, title.to_owned(), source);
    let network = scene.network;
    let own: BTreeSet<Idx<NetworkInterface>> = roles::control_plane(network, &scene.cluster.name).into_iter().collect();
    let every_interface = scene.collected(Call::DescribeNetworkInterfaces);
    if own.is_empty() {
        finding.status = Status::Unknown;
        finding.remarks.push(Remark {
            code: "NOT_COLLECTED",
            resource: None,
            semantics: "EK-9",
            message: "no control-plane interface is in the snapshot (`aws ec2 describe-network-interfaces`)".to_owned(),
        });
        return finding;
    }
    let cluster_group = scene.described.and_then(|cluster| cluster.security_group.as_ref());
    let mut groups: Vec<&Ref<SecurityGroup>> = Vec::new();
    for group in own.iter().flat_map(|&idx| &network.interfaces.get(idx).groups) {
        if Some(group) != cluster_group && !groups.contains(&group) {
            groups.push(group);
        }
    }
    for group in groups {
        let name = group.id(&network.groups).to_string();
        let mut clusters: BTreeSet<String> = BTreeSet::new();
        let mut others: Vec<String> = Vec::new();
        for (idx, interface) in network.interfaces.iter().filter(|(_, interface)| interface.groups.contains(group)) {
            if own.contains(&idx) {
                continue;
            }
            if let Some(other) = host::control_plane_of(network, interface) {
                clusters.insert(other.into());
                continue;
            }
            let node = host::host(network, interface).and_then(|id| network.instances.find(&id));
            let of_cluster =
                node.is_some_and(|node| host::cluster_name(network.instances.get(node)) == Some(&*scene.cluster.name));
            if !of_cluster && !roles::is_fargate(interface) {
                others.push(interface.id.to_string());
            }
        }
        let shared = !clusters.is_empty() || !others.is_empty();
        count(&mut finding.pairs, if shared { Some(false) } else { every_interface.then_some(true) });
        if shared {
            let mut with: Vec<String> =
                clusters.into_iter().map(|cluster| format!("the control plane of cluster {cluster}")).collect();
            let more = others.len().saturating_sub(3);
            with.extend(others.into_iter().take(3));
            if more > 0 {
                with.push(format!("{more} more interfaces"));
            }
            finding.remarks.push(Remark {
                code: "EKS_CONTROL_PLANE_GROUP_SHARED",
                resource: Some(name.clone()),
                semantics: "EK-22",
                message: format!(
                    "{name} is also on {}: what EKS or a template changes in it for one may stop the other",
                    with.join(", ")
                ),
            });
        }
    }
    finding.status = over(finding.pairs).into();
    finding
}
