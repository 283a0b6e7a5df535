//! Changes of who may reach a cluster's API endpoint.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::Refusal;
use crate::change::UpdateClusterConfig;
use crate::network::Network;
use crate::network::filter::{cidr, cidr_v6};

/// CIDRs of `publicAccessCidrs` at most; not adjustable (EK-14).
const CIDRS: usize = 40;

/// What no client of the public endpoint comes from (EK-14).
const RESERVED: [&str; 10] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/3",
    "fc00::/7",
    "fe80::/10",
];

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterException", message)
}

fn is_reserved(net: IpNet) -> bool {
    RESERVED.into_iter().filter_map(cidr).any(|reserved| reserved.contains(&net))
}

/// `UpdateClusterConfig`, the API endpoint's part of it.
pub(super) fn update(network: &mut Network, input: &UpdateClusterConfig) -> Result<(), Refusal> {
    let named = network.clusters.find_text(&input.name);
    let idx = named.ok_or_else(|| {
        Refusal::new("ResourceNotFoundException", format!("no cluster found for name: {}", input.name))
    })?;
    let cluster = network.clusters.get(idx);
    let asked = &input.resources_vpc_config;
    let (public, private) = (asked.endpoint_public_access, asked.endpoint_private_access);
    if public.is_none() && private.is_none() && asked.public_access_cidrs.is_none() {
        return Err(invalid("the type for cluster update was not provided"));
    }
    let public = public.unwrap_or(cluster.public_access);
    let private = private.unwrap_or(cluster.private_access);
    if !public && !private {
        return Err(invalid("private and public endpoint access cannot both be false"));
    }
    let mut cidrs = cluster.public_access_cidrs.clone();
    if let Some(texts) = &asked.public_access_cidrs {
        if texts.is_empty() {
            return Err(invalid("publicAccessCidrs must not be empty"));
        }
        if texts.len() > CIDRS {
            return Err(invalid(format!("{} publicAccessCidrs are more than {CIDRS}", texts.len())));
        }
        cidrs.clear();
        for text in texts {
            let net = cidr(text).ok_or_else(|| invalid(format!("publicAccessCidrs: {text} is not a valid CIDR")))?;
            if cidr_v6(text).is_some() && !cluster.ipv6 {
                // EK-18: only clusters of IPv6 have a dual-stack public endpoint.
                return Err(invalid(format!("publicAccessCidrs: {text} needs a cluster of IPv6")));
            }
            if is_reserved(net) && net.prefix_len() > 0 {
                return Err(invalid(format!("publicAccessCidrs: {text} is reserved and not allowed")));
            }
            if !cidrs.contains(&net) {
                cidrs.push(net);
            }
        }
    }
    let same = |a: &[IpNet], b: &[IpNet]| a.iter().collect::<BTreeSet<_>>() == b.iter().collect::<BTreeSet<_>>();
    // EKS's default is told as 0.0.0.0/0 alone for clusters whose endpoint has no IPv6.
    let as_told = |nets: &[IpNet]| -> Vec<IpNet> {
        let everywhere_v6 = |net: &&IpNet| matches!(net, IpNet::V6(net) if net.prefix_len() == 0) && !cluster.ipv6;
        nets.iter().filter(|net| !everywhere_v6(net)).copied().collect()
    };
    if public == cluster.public_access
        && private == cluster.private_access
        && same(&as_told(&cidrs), &as_told(&cluster.public_access_cidrs))
    {
        return Err(invalid(format!("the cluster {} is already at the desired configuration", cluster.name)));
    }
    let cluster = network.clusters.get_mut(idx);
    cluster.public_access = public;
    cluster.private_access = private;
    cluster.public_access_cidrs = cidrs;
    Ok(())
}
