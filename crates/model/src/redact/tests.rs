use serde_json::json;

use super::*;
use crate::import::import_documents;
use crate::snapshot::Scope;

fn key() -> Key {
    Key::of_secret(b"a key for tests, long enough")
}

/// A document of one answer.
fn document(call: Call, answer: &Value) -> Document {
    let scope = Scope { account: Some("123456789012".into()), region: Some("eu-west-1".into()) };
    let record = Record::complete(call, &scope, to_raw_value(answer).unwrap());
    Document { created: None, calls: vec![record] }
}

/// The redacted answer.
fn clean(call: Call, answer: &Value) -> Value {
    let redacted =
        redact(&document(call, answer), &key(), Known { names: &["aws-ebs-csi-driver"], pods: &["ebs-csi"] });
    serde_json::from_str(redacted.document.calls[0].answer.as_ref().unwrap().get()).unwrap()
}

#[test]
fn structure_stays_and_names_go() {
    let group = json!({"SecurityGroups": [{
        "GroupId": "sg-0123456789abcdef0", "GroupName": "payments", "Description": "of team Blue", "OwnerId": "123456789012",
        "VpcId": "vpc-0123456789abcdef0",
        "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
            "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "office"}, {"CidrIp": "198.51.100.0/24"}, {"CidrIp": "0.0.0.0/0"}],
            "UserIdGroupPairs": [{"GroupId": "sg-0fedcba9876543210", "UserId": "123456789012"}]}],
        "Tags": [{"Key": "Name", "Value": "payments"}, {"Key": "team", "Value": "blue"},
                 {"Key": "kubernetes.io/cluster/prod", "Value": "owned"}]}]});
    let clean = clean(Call::DescribeSecurityGroups, &group);
    let group = &clean["SecurityGroups"][0];
    assert_eq!(group["GroupId"], "sg-0123456789abcdef0");
    assert_eq!(group["GroupName"], group["Tags"][0]["Value"], "one text, one pseudonym");
    assert_eq!(group["Tags"][0]["Key"], "Name");
    assert_eq!(group["Tags"][2]["Value"], "owned");
    assert!(group["Tags"][2]["Key"].as_str().unwrap().starts_with("kubernetes.io/cluster/x-"));
    let permission = &group["IpPermissions"][0];
    assert_eq!((&permission["IpProtocol"], &permission["FromPort"]), (&json!("tcp"), &json!(443)));
    assert_eq!(permission["IpRanges"][0]["CidrIp"], "10.0.0.0/8");
    assert_eq!(permission["IpRanges"][2]["CidrIp"], "0.0.0.0/0");
    assert!(permission["IpRanges"][1]["CidrIp"].as_str().unwrap().ends_with(".0/24"));
    assert_eq!(permission["UserIdGroupPairs"][0]["UserId"], group["OwnerId"]);
    let account = group["OwnerId"].as_str().unwrap();
    assert!(account.len() == 12 && account != "123456789012" && account.parse::<u64>().is_ok());
    let text = clean.to_string();
    for secret in ["payments", "team", "blue", "Blue", "office", "198.51", "123456789012", "prod"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn descriptions_that_decide_keep_their_form() {
    let balancer = json!({"LoadBalancers": [{"LoadBalancerName": "shop", "Type": "network",
        "LoadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/net/shop/50dc6c495c0c9188"}]});
    let cluster = json!({"cluster": {"name": "prod", "arn": "arn:aws:eks:eu-west-1:123456789012:cluster/prod"}});
    let description = |text: &str| {
        let clean = clean(
            Call::DescribeNetworkInterfaces,
            &json!({"NetworkInterfaces": [{"NetworkInterfaceId": "eni-0123456789abcdef0", "Description": text}]}),
        );
        clean["NetworkInterfaces"][0]["Description"].as_str().unwrap().to_owned()
    };
    let arn = clean(Call::DescribeLoadBalancers, &balancer)["LoadBalancers"][0]["LoadBalancerArn"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        description("ELB net/shop/50dc6c495c0c9188"),
        format!("ELB {}", arn.split_once(":loadbalancer/").unwrap().1)
    );
    let name = clean(Call::DescribeCluster, &cluster)["cluster"]["name"].as_str().unwrap().to_owned();
    assert_eq!(description("Amazon EKS prod"), format!("Amazon EKS {name}"));
    assert_eq!(description("aws-K8S-i-0123456789abcdef0"), "aws-K8S-i-0123456789abcdef0");
    assert_eq!(
        description("Interface for NAT Gateway nat-0123456789abcdef0"),
        "Interface for NAT Gateway nat-0123456789abcdef0"
    );
    assert_eq!(description("aws-k8s-branch-eni"), "aws-k8s-branch-eni");
    assert!(description("AWS Lambda VPC ENI-billing-1f2e").starts_with("AWS Lambda VPC ENI-x-"));
    assert!(description("our Amazon EKS interface").starts_with("x-"));
    assert_eq!(description(""), "");
}

#[test]
fn requesters_services_and_settings_keep_what_is_read() {
    let interface = json!({"NetworkInterfaces": [{"NetworkInterfaceId": "eni-0123456789abcdef0",
        "RequesterId": "AROAEXAMPLE:AmazonEKS", "OwnerId": "amazon-elb", "PrivateDnsName": "ip-10-0-1-7.eu-west-1.compute.internal"}]});
    let clean_interface = clean(Call::DescribeNetworkInterfaces, &interface)["NetworkInterfaces"][0].clone();
    assert!(clean_interface["RequesterId"].as_str().unwrap().ends_with(":AmazonEKS"));
    assert!(!clean_interface["RequesterId"].as_str().unwrap().contains("AROA"));
    assert_eq!(clean_interface["OwnerId"], "amazon-elb");
    assert_eq!(clean_interface["PrivateDnsName"], "ip-10-0-1-7.eu-west-1.compute.internal");
    let endpoint = |name: &str| {
        let endpoints = json!({"VpcEndpoints": [{"VpcEndpointId": "vpce-0123456789abcdef0", "ServiceName": name}]});
        clean(Call::DescribeVpcEndpoints, &endpoints)["VpcEndpoints"][0]["ServiceName"].as_str().unwrap().to_owned()
    };
    assert_eq!(endpoint("com.amazonaws.eu-west-1.ecr.api"), "com.amazonaws.eu-west-1.ecr.api");
    assert!(endpoint("db.example.com").starts_with("x-"));
    let addon = |values: &str| {
        let addon = json!({"addon": {"addonName": "vpc-cni", "clusterName": "prod", "configurationValues": values}});
        clean(Call::DescribeAddon, &addon)["addon"]["configurationValues"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        addon(r#"{"env": {"AWS_VPC_K8S_CNI_EXTERNALSNAT": "true", "SECRET": "s"}, "tolerations": [{"key": "s"}]}"#),
        r#"{"env":{"AWS_VPC_K8S_CNI_EXTERNALSNAT":"true"}}"#
    );
    assert_eq!(
        addon(
            "env:\n  POD_SECURITY_GROUP_ENFORCING_MODE: standard\n  AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS: 10.1.0.0/16, 10.2.0.0/16\n"
        ),
        r#"{"env":{"AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS":"10.1.0.0/16,10.2.0.0/16","POD_SECURITY_GROUP_ENFORCING_MODE":"standard"}}"#
    );
    assert_eq!(addon("{{ not yaml"), "");
}

#[test]
fn kubernetes_objects_keep_what_is_read_of_them() {
    let list = json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "", "remainingItemCount": 7}, "items": [
        {"kind": "Pod", "metadata": {"name": "ebs-csi-controller-5d9", "namespace": "kube-system", "uid": "u-1",
            "labels": {"app": "blue"}, "annotations": {"note": "secret"}},
         "spec": {"nodeName": "node.corp.example", "containers": [{"image": "registry.corp.example/blue", "ports": [{"name": "http", "containerPort": 8080}]}]},
         "status": {"phase": "Running", "podIP": "10.0.1.9"}},
        {"kind": "Service", "metadata": {"name": "blue", "namespace": "shop"},
         "spec": {"clusterIP": "172.20.0.9", "selector": {"app": "blue"}, "ports": [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 8081}]}},
        {"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "hook"}, "webhooks": [
            {"name": "a.corp.example", "clientConfig": {"url": "https://hooks.corp.example:8443/blue", "caBundle": "c2VjcmV0"}},
            {"name": "b", "clientConfig": {"url": "https://[2001:db8::5]:9443/x"}},
            {"name": "c", "clientConfig": {"url": "https://127.0.0.1:9443/x"}}]},
        {"kind": "Secret", "metadata": {"name": "blue"}, "data": {"password": "c2VjcmV0"}}]});
    let clean = clean(Call::KubectlGet, &list);
    let items = clean["items"].as_array().unwrap();
    assert_eq!(items.len(), 3, "a kind that is not read is left out");
    let (pod, service, hooks) = (&items[0], &items[1], &items[2]["webhooks"]);
    assert!(pod["metadata"]["name"].as_str().unwrap().starts_with("ebs-csi-x-"));
    assert_eq!(pod["metadata"]["namespace"], "kube-system");
    assert_eq!(pod["metadata"]["labels"], service["spec"]["selector"]);
    assert_eq!(pod["spec"]["containers"][0]["ports"][0]["name"], service["spec"]["ports"][0]["targetPort"]);
    assert_eq!(service["spec"]["ports"][1]["targetPort"], 8081);
    assert_eq!(pod["status"]["podIP"], "10.0.1.9");
    let url = hooks[0]["clientConfig"]["url"].as_str().unwrap();
    assert!(url.starts_with("https://x-") && url.ends_with(":8443"), "{url}");
    assert!(hooks[1]["clientConfig"]["url"].as_str().unwrap().ends_with("]:9443"));
    assert_eq!(hooks[2]["clientConfig"]["url"], "https://127.0.0.1:9443");
    for secret in ["blue", "secret", "corp", "c2Vj", "2001:db8::5", "shop", "u-1"] {
        assert!(!clean.to_string().contains(secret), "{secret} in {clean}");
    }
}

#[test]
fn the_first_of_several_clusters_of_an_instance_stays_the_first() {
    for (first, second) in [("a", "b"), ("a", "c"), ("a", "d"), ("a", "e"), ("a", "f"), ("a", "g")] {
        let tag = |cluster: &str| json!({"Key": format!("kubernetes.io/cluster/{cluster}"), "Value": "owned"});
        let instance = json!({"Reservations": [{"Instances": [
            {"InstanceId": "i-0123456789abcdef0", "State": {"Name": "running", "Code": 16}, "Tags": [tag(second), tag(first)]}]}]});
        let clean = clean(Call::DescribeInstances, &instance);
        let instance = &clean["Reservations"][0]["Instances"][0];
        assert_eq!(instance["State"]["Name"], "running");
        let mut keys: Vec<&str> =
            instance["Tags"].as_array().unwrap().iter().map(|tag| tag["Key"].as_str().unwrap()).collect();
        keys.retain(|key| key.starts_with("kubernetes.io/cluster/"));
        keys.sort_unstable();
        let name = redact(&document(Call::ListClusters, &json!({"clusters": [first]})), &key(), Known::default());
        let name = &name.pseudonyms()[first];
        assert_eq!(keys[0], format!("kubernetes.io/cluster/{name}"));
    }
}

#[test]
fn what_only_the_file_tells_is_told_by_the_document() {
    let groups = json!({"TargetGroups": [{"TargetGroupName": "shop",
        "TargetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop/50dc6c495c0c9188"}]});
    let health = json!({"TargetHealthDescriptions": [{"Target": {"Id": "i-0123456789abcdef0", "Port": 80}}]});
    let mut both = document(Call::DescribeTargetGroups, &groups);
    let mut record = document(Call::DescribeTargetHealth, &health).calls.remove(0);
    record.source = Some("elbv2-describe-target-health-shop-50dc6c495c0c9188.json".into());
    both.calls.push(record);
    let redacted = redact(&both, &key(), Known::default());
    let bytes = redacted.document.to_bytes().unwrap();
    let snapshot = import_documents([("redacted.json", bytes)]).unwrap();
    assert_eq!(
        Some(&*snapshot.resources.target_health[0].value.id),
        snapshot.resources.target_groups[0].value.target_group_arn.as_deref()
    );
}

#[test]
fn answers_that_nobody_reads_are_left_out() {
    let mut document = document(Call::DescribeVpcs, &json!({"Vpcs": [], "Notes": "secret", "NextToken": "secret"}));
    document.calls.push(Record { call: Some("ec2 describe-moons".into()), ..document.calls[0].clone() });
    document.calls.push(Record {
        call: None,
        answer: Some(to_raw_value(&json!({"KeyPairs": [{"KeyName": "secret"}]})).unwrap()),
        ..document.calls[0].clone()
    });
    let redacted = redact(&document, &key(), Known::default());
    assert_eq!(redacted.dropped, 1, "a call that is not known may answer what is read");
    let text = String::from_utf8(redacted.document.to_bytes().unwrap()).unwrap();
    assert!(!text.contains("secret") && !text.contains("moons"), "{text}");
    assert!(text.contains("NextToken"), "that there is more stays told");
}

#[test]
fn a_key_decides_the_pseudonyms() {
    let document = document(Call::ListClusters, &json!({"clusters": ["prod"]}));
    let of = |key: &Key| redact(&document, key, Known::default()).pseudonyms()["prod"].clone();
    let (first, second) = (Key::of_secret(b"one"), Key::of_secret(b"two"));
    assert_eq!(of(&first), of(&first));
    assert_ne!(of(&first), of(&second));
    assert_eq!(of(&Key::of_document(&document).unwrap()), of(&Key::of_document(&document).unwrap()));
    assert_eq!(format!("{first:?}"), "Key(…)");
}
