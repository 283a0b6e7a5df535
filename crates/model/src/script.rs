//! `reach snapshot script`: the plain `aws` commands that write a complete directory.

use crate::api::{Argument, Call, ROUTE_FILTER, VPC_ATTRIBUTES};

const HEAD: &str = r#"#!/bin/sh
# Writes what reach reads of one AWS account and Region into a directory, with nothing but the AWS CLI.
# Only describe, get, list and search calls are made; nothing is changed.
#
# usage: [OUT=DIRECTORY] [KUBE_CONTEXT=CONTEXT] sh collect.sh [--profile NAME] [--region REGION] [OPTION...]
#   OUT            where the answers go (default: snapshot). For several accounts and Regions, run it for each with
#                  OUT=snapshot/accounts/123456789012/eu-west-1 and so on.
#   KUBE_CONTEXT   also ask this kubectl context for the Kubernetes objects of the cluster
# The options are passed to every aws command. A call that is refused leaves a note on standard error and no file:
# reach then answers `unknown` where it matters.
set -eu
AWS_PAGER=
export AWS_PAGER
OUT=${OUT:-snapshot}
mkdir -p "$OUT"

# save FILE COMMAND...: the output of the command as FILE, or a note and no file.
save() {
    file=$OUT/$1
    shift
    if "$@" >"$file.part" && [ -s "$file.part" ]; then
        mv "$file.part" "$file"
    else
        rm -f "$file.part"
        echo "note: not collected: $*" >&2
    fi
}

# ids COMMAND...: the ids that the command prints, one a line; none where it is refused.
ids() {
    "$@" --output text | tr '\t' '\n' | grep -v '^None$' || :
}
"#;

const TAIL: &str = r#"
if [ -n "${KUBE_CONTEXT:-}" ]; then
    save kubectl-get.json KUBECTL --context "$KUBE_CONTEXT"
fi

set -- "$OUT"/*.json
if [ ! -e "$1" ]; then
    echo "error: nothing was collected" >&2
    exit 1
fi
"#;

/// A POSIX shell script that makes the calls of [`Call::ALL`] (but for the references to each group, which decide nothing
/// and would be a call a group), each answer into a file of its own. Where an answer does
/// not name what it was asked for, the file's name does.
pub fn script() -> String {
    let mut script = Script(HEAD.to_owned());
    script.line("");
    for &call in Call::ALL {
        if call.argument() == Argument::None && call != Call::KubectlGet {
            script.save("", call, "", "");
        }
    }
    script.each("vpc", "ec2 describe-vpcs", "Vpcs[].VpcId", |script| {
        for attribute in VPC_ATTRIBUTES {
            let options = format!("--vpc-id \"$vpc\" --attribute {attribute}");
            script.save("    ", Call::DescribeVpcAttribute, &format!("-$vpc-{attribute}"), &options);
        }
        for call in [Call::DescribeStaleSecurityGroups, Call::GetSecurityGroupsForVpc] {
            script.save("    ", call, "-$vpc", "--vpc-id \"$vpc\"");
        }
    });
    script.each("type", "ec2 describe-instances", "Reservations[].Instances[].InstanceType", |script| {
        // One file per type; that of a type which many instances have is written again and again otherwise.
        script.line("    [ ! -e \"$OUT/ec2-describe-instance-types-$type.json\" ] || continue");
        script.save("    ", Call::DescribeInstanceTypes, "-$type", "--instance-types \"$type\"");
    });
    script.each("list", "ec2 describe-managed-prefix-lists", "PrefixLists[].PrefixListId", |script| {
        script.save("    ", Call::GetManagedPrefixListEntries, "-$list", "--prefix-list-id \"$list\"");
    });
    let tables = "TransitGatewayRouteTables[].TransitGatewayRouteTableId";
    script.each("table", "ec2 describe-transit-gateway-route-tables", tables, |script| {
        let id = "--transit-gateway-route-table-id \"$table\"";
        script.save("    ", Call::GetTransitGatewayRouteTableAssociations, "-$table", id);
        script.save("    ", Call::GetTransitGatewayRouteTablePropagations, "-$table", id);
        script.save("    ", Call::SearchTransitGatewayRoutes, "-$table", &format!("{id} {ROUTE_FILTER}"));
    });
    script.each("template", "ec2 describe-launch-templates", "LaunchTemplates[].LaunchTemplateId", |script| {
        script.save("    ", Call::DescribeLaunchTemplateVersions, "-$template", "--launch-template-id \"$template\"");
    });
    script.each("balancer", "elbv2 describe-load-balancers", "LoadBalancers[].LoadBalancerArn", |script| {
        let arn = "--load-balancer-arn \"$balancer\"";
        script.save("    ", Call::DescribeListeners, "-${balancer##*/}", arn);
        script.save("    ", Call::DescribeLoadBalancerAttributes, "-${balancer##*/}", arn);
        script.line("    for listener in $(ids aws elbv2 describe-listeners --load-balancer-arn \"$balancer\" --query 'Listeners[].ListenerArn' \"$@\"); do");
        script.save("        ", Call::DescribeRules, "-${listener##*/}", "--listener-arn \"$listener\"");
        script.line("    done");
    });
    script.each("group", "elbv2 describe-target-groups", "TargetGroups[].TargetGroupArn", |script| {
        let arn = "--target-group-arn \"$group\"";
        script.save("    ", Call::DescribeTargetHealth, "-${group##*/}", arn);
        script.save("    ", Call::DescribeTargetGroupAttributes, "-${group##*/}", arn);
    });
    script.each("cluster", "eks list-clusters", "clusters[]", |script| {
        let of_cluster = "--cluster-name \"$cluster\"";
        script.save("    ", Call::DescribeCluster, "-$cluster", "--name \"$cluster\"");
        for (list, key, variable, option, one) in [
            (Call::ListNodegroups, "nodegroups[]", "nodegroup", "--nodegroup-name", Call::DescribeNodegroup),
            (
                Call::ListFargateProfiles,
                "fargateProfileNames[]",
                "profile",
                "--fargate-profile-name",
                Call::DescribeFargateProfile,
            ),
            (Call::ListAddons, "addons[]", "addon", "--addon-name", Call::DescribeAddon),
        ] {
            script.save("    ", list, "-$cluster", of_cluster);
            script.line(&format!("    for {variable} in $(ids {list} {of_cluster} --query '{key}' \"$@\"); do"));
            let options = format!("{of_cluster} {option} \"${variable}\"");
            script.save("        ", one, &format!("-$cluster-${variable}"), &options);
            script.line("    done");
        }
    });
    script.0.push_str(&TAIL.replacen("KUBECTL", &Call::KubectlGet.to_string(), 1));
    script.0
}

struct Script(String);

impl Script {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// `save FILE aws SERVICE OPERATION OPTIONS`.
    fn save(&mut self, indent: &str, call: Call, suffix: &str, options: &str) {
        let file = format!("{}-{}{suffix}.json", call.service(), call.operation());
        // Only names with a variable in them need quotes.
        let file = if suffix.is_empty() { file } else { format!("\"{file}\"") };
        let options = if options.is_empty() { String::new() } else { format!("{options} ") };
        self.line(&format!("{indent}save {file} {call} {options}--output json \"$@\""));
    }

    /// `for VARIABLE in the ids that COMMAND prints`.
    fn each(&mut self, variable: &str, command: &str, query: &str, body: impl FnOnce(&mut Self)) {
        self.line("");
        self.line(&format!("for {variable} in $(ids aws {command} --query '{query}' \"$@\"); do"));
        body(self);
        self.line("done");
    }
}

#[cfg(test)]
mod tests;
