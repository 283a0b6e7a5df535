//! EKS clusters, their node groups and their CNI.

use std::io;

use serde_json::{Value, json};

use super::MADE;
use crate::files::Files;
use crate::plan::{ACCOUNT, Cluster, Mode, Plan, REGION, Tier, ZONES};
use crate::walk::scaling_group;

pub(super) fn write(plan: &Plan, files: &mut Files) -> io::Result<()> {
    let names: Vec<&str> = plan.clusters.iter().map(|cluster| &*cluster.name).collect();
    files.object("eks-list-clusters", &json!({"clusters": names}))?;
    plan.clusters.iter().try_for_each(|cluster| one(plan, files, cluster))
}

fn one(plan: &Plan, files: &mut Files, cluster: &Cluster) -> io::Result<()> {
    let name = &cluster.name;
    let subnets: Vec<_> = (0..ZONES.len())
        .map(|zone| plan.subnet_id(plan.places.find(cluster.vpc, Tier::App, cluster.set, zone)))
        .collect();
    let additional: Vec<_> = cluster.groups.additional.iter().map(|&group| plan.group_id(group)).collect();
    let version = if cluster.old { "1.29" } else { "1.33" };
    let digits = plan.group_id(cluster.groups.cluster).value();
    let endpoint = format!("https://{digits:016X}{digits:016X}.gr7.{REGION}.eks.amazonaws.com");
    let document = json!({"cluster": {"name": name, "arn": format!("arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{name}"),
        "createdAt": MADE, "version": version, "endpoint": endpoint,
        "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/{name}-cluster"),
        "resourcesVpcConfig": {"subnetIds": subnets, "securityGroupIds": additional,
            "clusterSecurityGroupId": plan.group_id(cluster.groups.cluster), "vpcId": plan.vpc_id(cluster.vpc),
            "endpointPublicAccess": cluster.old, "endpointPrivateAccess": true,
            "publicAccessCidrs": if cluster.old { vec!["0.0.0.0/0"] } else { Vec::new() }},
        "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16", "ipFamily": "ipv4"},
        "status": "ACTIVE", "platformVersion": "eks.14", "tags": {}, "health": {"issues": []},
        "accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"}, "upgradePolicy": {"supportType": "STANDARD"},
        "computeConfig": {"enabled": false}}});
    files.object(&format!("eks-describe-cluster-{name}"), &document)?;
    let groups: Vec<&str> = cluster.node_groups.iter().map(|group| group.name).collect();
    files.object(&format!("eks-list-nodegroups-{name}"), &json!({"nodegroups": groups, "clusterName": name}))?;
    for group in &cluster.node_groups {
        let scaling = scaling_group(plan, cluster, group);
        let document = json!({"nodegroup": {"nodegroupName": group.name,
            "nodegroupArn": format!("arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/{name}/{}/{digits:016x}", group.name),
            "clusterName": name, "version": version, "createdAt": MADE, "modifiedAt": MADE, "status": "ACTIVE",
            "capacityType": "ON_DEMAND", "instanceTypes": [group.mode.instance_type()], "subnets": subnets,
            "scalingConfig": {"minSize": group.nodes, "maxSize": group.nodes * 2, "desiredSize": group.nodes},
            "amiType": "AL2023_x86_64_STANDARD", "nodeRole": format!("arn:aws:iam::{ACCOUNT}:role/{name}-node"), "labels": {},
            "resources": {"autoScalingGroups": [{"name": scaling}]}, "health": {"issues": []}, "tags": {}}});
        files.object(&format!("eks-describe-nodegroup-{name}-{}", group.name), &document)?;
    }
    files.object(
        &format!("eks-list-fargate-profiles-{name}"),
        &json!({"fargateProfileNames": [], "clusterName": name}),
    )?;
    files.object(&format!("eks-list-addons-{name}"), &json!({"addons": ["vpc-cni"], "clusterName": name}))?;
    files.object(&format!("eks-describe-addon-{name}-vpc-cni"), &json!({"addon": addon(name, cluster)}))
}

fn addon(name: &str, cluster: &Cluster) -> Value {
    let prefixes = cluster.node_groups.iter().any(|group| group.mode == Mode::Prefixes);
    let settings = json!({"env": {"ENABLE_PREFIX_DELEGATION": prefixes.to_string(), "ENABLE_POD_ENI": "true",
        "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": prefixes.to_string(), "POD_SECURITY_GROUP_ENFORCING_MODE": "standard"}});
    json!({"addonName": "vpc-cni", "clusterName": name, "status": "ACTIVE", "addonVersion": "v1.20.4-eksbuild.2",
        "health": {"issues": []}, "addonArn": format!("arn:aws:eks:{REGION}:{ACCOUNT}:addon/{name}/vpc-cni/1"),
        "createdAt": MADE, "modifiedAt": MADE, "tags": {}, "configurationValues": settings.to_string()})
}
