//! `reach snapshot redact`: nothing that names anybody is left, and every verdict is what it was.
//!
//! Every fixture is redacted; its questions are asked before and after, with names and public addresses in them replaced
//! as the snapshot's are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use reach_eks::audit::table::clues;
use reach_model::document::{self, Document};
use reach_model::redact::{Key, Known, Redacted, redact};
use serde_json::{Value, json};

use crate::cli::{finish, program, reach, reach_in};
use crate::fixtures;

/// A redacted estate on disk, and what became of its texts.
struct Shared {
    directory: tempfile::TempDir,
    pseudonyms: BTreeMap<String, String>,
    /// Namespace and name of every pod as they were.
    pods: Vec<(String, String)>,
    redacted: Redacted<'static>,
}

fn known() -> Known<'static> {
    let (names, pods) = clues();
    Known { names: names.leak(), pods: pods.leak() }
}

fn pack(path: &Path) -> Document {
    document::pack(&[path.to_owned()]).unwrap()
}

fn share(path: &Path) -> Shared {
    let document = pack(path);
    let redacted = redact(&document, &Key::of_document(&document).unwrap(), known());
    let directory = tempfile::tempdir().unwrap();
    redacted.document.save(&directory.path().join("shared.json")).unwrap();
    let snapshot = reach_model::import(&[path.to_owned()]).unwrap();
    let text = |text: &Option<reach_model::aws::Text>| text.as_deref().unwrap_or_default().to_owned();
    let pods = snapshot.resources.pods.iter().map(|pod| &pod.value.metadata);
    let pods = pods.map(|metadata| (text(&metadata.namespace), text(&metadata.name))).collect();
    Shared { directory, pseudonyms: redacted.pseudonyms().clone(), pods, redacted }
}

/// The directories below `fixtures/` that hold an estate.
fn estates() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut all: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.join("describe-vpcs.json").is_file());
    all.sort();
    assert!(all.len() > 30);
    all
}

impl Shared {
    fn one(&self, text: &str) -> String {
        self.pseudonyms.get(text).cloned().unwrap_or_else(|| text.to_owned())
    }

    /// A selector with pseudonyms.
    fn selector(&mut self, text: &str) -> String {
        if let Some(address) = self.redacted.address(text) {
            return address;
        }
        let Some((head, rest)) = text.split_once('/') else { return self.one(text) };
        match head {
            "internet" => format!("internet/{}", self.redacted.address(rest).unwrap()),
            "aws" => text.to_owned(),
            "tag" => {
                let (key, value) = rest.split_once('=').unwrap();
                let cluster = key.strip_prefix("kubernetes.io/cluster/");
                let key = cluster.map_or_else(|| self.one(key), |c| format!("kubernetes.io/cluster/{}", self.one(c)));
                format!("tag/{key}={}", self.one(value))
            }
            "pod" => {
                let (namespace, name) = rest.split_once('/').unwrap();
                // The beginning of a name stands for the whole of it.
                let of = |pod: &&(String, String)| pod.0 == namespace && pod.1.starts_with(name);
                let begun: Vec<&(String, String)> = self.pods.iter().filter(of).collect();
                let exact = begun.iter().find(|pod| pod.1 == name).or(begun.first());
                let name = exact.map_or(name, |pod| &*pod.1);
                format!("pod/{}/{}", self.one(namespace), self.one(name))
            }
            "cluster" => {
                let (name, rest) = rest.split_once('/').unwrap();
                format!("cluster/{}/{}", self.one(name), self.selector(rest))
            }
            _ if head.starts_with("vpc-") => format!("{}/{}", self.one(head), self.selector(rest)),
            _ => {
                let parts: Vec<String> = rest.split('/').map(|part| self.one(part)).collect();
                format!("{head}/{}", parts.join("/"))
            }
        }
    }

    /// A question of a batch with pseudonyms.
    fn question(&mut self, question: &Value) -> Value {
        let mut question = question.clone();
        for end in ["from", "to"] {
            question[end] = self.selector(question[end].as_str().unwrap()).into();
        }
        question
    }
}

/// The words of a question as a line of a batch.
fn line_of(words: &str) -> Option<Value> {
    let mut question = json!({});
    let mut words = words.split_whitespace();
    while let Some(option) = words.next() {
        let key = option.strip_prefix("--")?.replace('-', "_");
        let value = words.next()?;
        match &*key {
            "from" | "to" | "protocol" | "port" | "source_port" | "family" => question[key] = value.into(),
            "icmp" => {
                let (kind, code) = value.split_once('/').map_or((value, None), |(kind, code)| (kind, Some(code)));
                question["protocol"] = "icmp".into();
                question["icmp_type"] = kind.parse::<u8>().unwrap().into();
                if let Some(code) = code {
                    question["icmp_code"] = code.parse::<u8>().unwrap().into();
                }
            }
            "cluster" => {}
            _ => return None,
        }
    }
    question.get("from").is_some().then_some(question)
}

/// What is asked of every estate besides its own questions.
const ALWAYS: [&str; 16] = [
    "--from node --to controlplane --port 443",
    "--from controlplane --to node --protocol all",
    "--from node --to node --protocol all",
    "--from node --to apiserver --port 443",
    "--from pod --to pod --port 80,443,8080",
    "--from pod --to controlplane --port 443",
    "--from pod --to internet --port 443",
    "--from node --to internet --protocol all",
    "--from internet --to node --protocol tcp",
    "--from internet --to apiserver --port 443",
    "--from internet/198.51.100.7 --to node --port 22,443",
    "--from node --to internet/203.0.113.200 --port 443",
    "--from node --to aws/ecr.api --port 443",
    "--from node --to aws/s3 --port 443",
    "--from internet/198.51.100.7 --to apiserver --port 443",
    "--from node --to 10.0.0.0/8 --port 53",
];

/// The questions of an estate.
fn questions(estate: &Path) -> Vec<Value> {
    let name = estate.file_name().unwrap().to_str().unwrap();
    let mut all: Vec<Value> = fixtures::questions(name).iter().filter_map(|words| line_of(words)).collect();
    all.extend(ALWAYS.iter().filter_map(|words| line_of(words)));
    let batch = fs::read_to_string(estate.join("questions.jsonl")).unwrap_or_default();
    all.extend(batch.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    for (position, question) in all.iter_mut().enumerate() {
        question["id"] = format!("{position}").into();
    }
    all
}

/// What the program answers: one object a line.
fn answers(snapshot: &str, directory: &Path, questions: &[Value]) -> Vec<Value> {
    let input: String = questions.iter().flat_map(|question| [question.to_string(), "\n".to_owned()]).collect();
    let words = format!("query --snapshot {snapshot} --batch - --output jsonl");
    let run = finish(program(directory).args(words.split(' ')).write_stdin(input));
    run.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{run}"))).collect()
}

/// What must not change of an answer: verdicts, numbers of pairs, of groups, what passes, and why not.
fn essence(answer: &Value) -> Value {
    if answer.get("error").is_some() {
        return json!("an error");
    }
    let mut groups: Vec<String> = answer["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| {
            let reasons = group["reasons"].as_array().unwrap().iter();
            let mut reasons: Vec<String> =
                reasons.map(|r| format!("{} {} {}", r["code"], r["leg"], r["semantics"])).collect();
            reasons.sort();
            reasons.dedup();
            json!([
                group["verdict"],
                group["forward"],
                group["return"],
                group["pairs"],
                group["allowed"],
                group["tracking"],
                reasons
            ])
            .to_string()
        })
        .collect();
    groups.sort();
    json!({"verdict": answer["verdict"], "forward": answer["forward"], "return": answer["return"], "pairs": answer["pairs"], "groups": groups})
}

#[test]
fn verdicts_are_what_they_were() {
    let mut wrong = Vec::new();
    let (mut asked, mut judged) = (0, 0);
    for estate in estates() {
        let mut shared = share(&estate);
        let questions = questions(&estate);
        let mapped: Vec<Value> = questions.iter().map(|question| shared.question(question)).collect();
        let before = answers(estate.to_str().unwrap(), shared.directory.path(), &questions);
        let after = answers("shared.json", shared.directory.path(), &mapped);
        assert_eq!((before.len(), after.len()), (questions.len(), questions.len()), "{}", estate.display());
        for (position, (before, after)) in before.iter().zip(&after).enumerate() {
            asked += 1;
            judged += usize::from(before.get("error").is_none());
            if essence(before) != essence(after) {
                wrong.push(format!(
                    "{}: {} became {}:\n  {}\n  {}",
                    estate.display(),
                    questions[position],
                    mapped[position],
                    essence(before),
                    if after.get("error").is_some() { after.clone() } else { essence(after) }
                ));
            }
        }
    }
    assert!(judged * 4 > asked * 3, "{judged} of {asked} could be judged at all");
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
}

/// The findings of an audit: id and status.
fn findings(snapshot: &str, directory: &Path, clients: &[String]) -> BTreeMap<String, String> {
    let clients: String = clients.iter().flat_map(|client| [" --client ", client]).collect();
    let run = reach_in(directory, &format!("check eks --snapshot {snapshot} --no-fixes --output json{clients}"));
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (text(&f["id"]), format!("{} {}", f["status"], f["pairs"])))
        .collect()
}

#[test]
fn findings_are_what_they_were() {
    for estate in estates() {
        let mut shared = share(&estate);
        let clients = ["internet".to_owned(), "internet/198.51.100.7".to_owned(), "10.200.4.7".to_owned()];
        let mapped: Vec<String> = clients.iter().map(|client| shared.selector(client)).collect();
        let before = findings(estate.to_str().unwrap(), shared.directory.path(), &clients);
        let after = findings("shared.json", shared.directory.path(), &mapped);
        // Webhooks and APIs are findings by name.
        let named = |id: String| match id.strip_prefix("eks.webhook.").or_else(|| id.strip_prefix("eks.apiservice.")) {
            Some(rest) => {
                let (name, port) = rest.rsplit_once(".tcp-").unwrap();
                id.replace(&format!("{name}.tcp-{port}"), &format!("{}.tcp-{port}", shared.one(name)))
            }
            None => id,
        };
        let before: BTreeMap<String, String> = before.into_iter().map(|(id, status)| (named(id), status)).collect();
        assert_eq!(before, after, "{}", estate.display());
    }
}

/// Whether a text is an address or range that others could look up.
fn is_public(text: &str) -> bool {
    let address = match (text.parse::<IpAddr>(), text.parse::<IpNet>()) {
        (Ok(address), _) => address,
        (_, Ok(net)) if net.prefix_len() > 7 => net.addr(),
        _ => return false,
    };
    match address {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            let shared = a == 100 && (64..128).contains(&b);
            !(address.is_private() || address.is_link_local() || address.is_loopback() || shared || a == 0 || a >= 224)
        }
        IpAddr::V6(address) => address.segments()[0] & 0xe000 == 0x2000,
    }
}

/// Keys whose texts tell who somebody is.
const TELLING: [&str; 27] = [
    "GroupName",
    "Description",
    "LoadBalancerName",
    "LoadBalancerArn",
    "TargetGroupName",
    "TargetGroupArn",
    "KeyName",
    "DNSName",
    "DnsName",
    "PublicDnsName",
    "OwnerId",
    "UserId",
    "GroupOwnerId",
    "arn",
    "endpoint",
    "clusterName",
    "name",
    "namespace",
    "nodegroupName",
    "nodegroupArn",
    "nodeRole",
    "roleArn",
    "image",
    "uid",
    "url",
    "nodeName",
    "LaunchTemplateName",
];

/// What stays though somebody may be called so: AWS's and Kubernetes' own names.
fn is_common(text: &str) -> bool {
    let (names, pods) = clues();
    let common = [
        "default",
        "kube-system",
        "kube-public",
        "kube-node-lease",
        "kubernetes",
        "kube-dns",
        "coredns",
        "kube-proxy",
        "aws-node",
        "vpc-cni",
        "owned",
        "shared",
        "true",
        "false",
        "AWS",
        "amazon-elb",
        "amazon-aws",
        "amazon",
        "None",
        "aws",
        "dns",
        "kubernetes.io/service-name",
        "AWS_VPC_K8S_CNI_EXTERNALSNAT",
        "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS",
        "POD_SECURITY_GROUP_ENFORCING_MODE",
        "CLUSTER_NAME",
        "Name",
        "1",
    ];
    common.contains(&text)
        || names.contains(&text)
        || pods.contains(&text)
        || text.starts_with("com.amazonaws.")
        || text.starts_with("aws-K8S-i-")
        || text.starts_with("aws-k8s-")
        || text.starts_with("Interface for NAT Gateway nat-")
        || text.starts_with("VPC Endpoint Interface vpce-")
        || text.starts_with("Network Interface for Transit Gateway Attachment tgw-")
        || (text.starts_with("ip-10-") && (text.ends_with(".compute.internal") || text.ends_with(".ec2.internal")))
        || text.len() < 3
}

/// The texts of an estate that must not be found again.
fn secrets(value: &Value, key: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
            if (TELLING.contains(&key) || account || is_public(text)) && !is_common(text) {
                found.insert(text.clone());
            }
        }
        Value::Array(list) => {
            for element in list {
                match (key, element) {
                    ("Tags" | "TagSet", Value::Object(tag)) => {
                        let text = |name: &str| tag[name].as_str().unwrap_or_default().to_owned();
                        let decides = [
                            "kubernetes.io/cluster/",
                            "eks:",
                            "aws:",
                            "alpha.eksctl.io/",
                            "karpenter.sh/",
                            "node.k8s.amazonaws.com/",
                            "elbv2.k8s.aws/",
                            "cluster.k8s.amazonaws.com/",
                        ];
                        let (tag, value) = (text("Key"), text("Value"));
                        if !decides.iter().any(|start| tag.starts_with(start)) {
                            found.insert(tag.clone());
                        }
                        if tag != "node.k8s.amazonaws.com/instance_id" {
                            found.insert(value);
                        }
                        found.extend(tag.strip_prefix("kubernetes.io/cluster/").map(str::to_owned));
                    }
                    _ => secrets(element, key, found),
                }
            }
        }
        Value::Object(map) => {
            for (name, member) in map {
                if matches!(key, "labels" | "tags" | "selector" | "annotations") {
                    found.insert(name.clone());
                    found.extend(member.as_str().map(str::to_owned));
                }
                secrets(member, name, found);
            }
        }
        _ => {}
    }
}

/// Every text of a JSON value, keys among them.
fn texts(value: &Value, all: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(all.insert(text.clone())),
        Value::Array(list) => list.iter().for_each(|element| texts(element, all)),
        Value::Object(map) => map.iter().for_each(|(key, member)| {
            all.insert(key.clone());
            texts(member, all);
        }),
        _ => {}
    }
}

#[test]
fn nothing_that_names_anybody_is_left() {
    let mut wrong = Vec::new();
    let mut collected = 0;
    for estate in estates() {
        let document = pack(&estate);
        let mut hidden = BTreeSet::new();
        for record in &document.calls {
            let answer: Value = serde_json::from_str(record.answer.as_ref().unwrap().get()).unwrap();
            secrets(&answer, "", &mut hidden);
        }
        hidden.retain(|text| !is_common(text));
        collected += hidden.len();
        let bytes = share(&estate).redacted.document.to_bytes().unwrap();
        let output = String::from_utf8(bytes).unwrap();
        let mut left = BTreeSet::new();
        texts(&serde_json::from_str(&output).unwrap(), &mut left);
        for secret in &hidden {
            // A short text may be part of a word of AWS's; as a part between separators it may not stand.
            let found = if secret.len() >= 8 {
                output.contains(secret.as_str())
            } else {
                left.iter().any(|text| text.split(['/', ':', ' ', '.', '-', '=']).any(|part| part == secret))
            };
            if found && !is_vocabulary(secret) {
                wrong.push(format!("{}: {secret}", estate.file_name().unwrap().to_str().unwrap()));
            }
        }
    }
    assert!(collected > 1_500, "{collected}");
    assert!(wrong.is_empty(), "{} of {collected}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Words of AWS's and of Kubernetes' that stand in every snapshot, and that somebody may also be called.
fn is_vocabulary(text: &str) -> bool {
    const WORDS: [&str; 19] = [
        "app",
        "web",
        "node",
        "general",
        "cluster",
        "internal",
        "interface",
        "amazon",
        "addon",
        "nodegroup",
        "name",
        "tags",
        "status",
        "version",
        "metadata",
        "managed",
        "system",
        "unhealthy",
        "default",
    ];
    WORDS.contains(&text)
}

/// A needle in every place where a text may stand, and beside every key.
fn poison(value: &mut Value, next: &mut usize) {
    let mut needle = || {
        *next += 1;
        format!("needle! {next}")
    };
    match value {
        Value::String(text) => *text = needle(),
        Value::Array(list) => list.iter_mut().for_each(|element| poison(element, next)),
        Value::Object(map) => {
            let new = json!({needle(): [needle(), 1, null, true, {needle(): needle()}]});
            let (plain, odd) = (needle(), needle());
            map.values_mut().for_each(|member| poison(member, next));
            map.insert("Somethingnew".to_owned(), plain.into());
            map.insert(odd, new);
        }
        _ => {}
    }
}

#[test]
fn a_text_that_nobody_knows_is_never_left() {
    for estate in estates() {
        // What is beside the known keys, with the estate whole; and everything, which leaves nothing of it.
        let mut document = pack(&estate);
        let mut beside = document.clone();
        let mut number = 0;
        for (record, other) in document.calls.iter_mut().zip(&mut beside.calls) {
            let mut answer: Value = serde_json::from_str(record.answer.as_ref().unwrap().get()).unwrap();
            let whole = answer.clone();
            answer.as_object_mut().unwrap().values_mut().for_each(|member| poison(member, &mut number));
            other.answer = serde_json::value::to_raw_value(&merged(whole, &answer)).ok();
            record.answer = serde_json::value::to_raw_value(&answer).ok();
        }
        assert!(number > 1_000);
        for document in [document, beside] {
            let redacted = redact(&document, &Key::of_secret(b"a key"), known());
            let text = String::from_utf8(redacted.document.to_bytes().unwrap()).unwrap();
            let found = text.find("needle").map(|at| text.get(at.saturating_sub(200)..(at + 50).min(text.len())));
            assert_eq!(found, None, "{}", estate.display());
        }
    }
}

/// `whole` with the members that only `other` has.
fn merged(whole: Value, other: &Value) -> Value {
    match (whole, other) {
        (Value::Object(mut map), Value::Object(more)) => {
            for (key, member) in more {
                let member = map.remove(key).map_or_else(|| member.clone(), |own| merged(own, member));
                map.insert(key.clone(), member);
            }
            Value::Object(map)
        }
        (Value::Array(list), Value::Array(more)) => {
            list.into_iter().zip(more).map(|(own, other)| merged(own, other)).collect()
        }
        (whole, _) => whole,
    }
}

#[test]
fn the_same_snapshot_gives_the_same_bytes_and_can_be_redacted_again() {
    let directory = tempfile::tempdir().unwrap();
    let run = |words: &str| {
        let run = reach_in(directory.path(), words);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{words}: {run}");
        run.stdout
    };
    let once = run("snapshot redact demo -o -");
    assert_eq!(once, run("snapshot redact demo -o -"));
    run("snapshot pack demo -o packed.json.zst");
    run("snapshot redact packed.json.zst -o redacted.json.zst --map map.json");
    assert!(run("snapshot validate redacted.json.zst").starts_with("ok: "));
    run("snapshot redact redacted.json.zst -o twice.json");
    assert!(run("snapshot validate twice.json").starts_with("ok: "));
    assert_ne!(fs::read_to_string(directory.path().join("twice.json")).unwrap(), once);
    let map: BTreeMap<String, String> =
        serde_json::from_slice(&fs::read(directory.path().join("map.json")).unwrap()).unwrap();
    assert!(map.contains_key("111122223333") && map.contains_key("demo"));
    let question = "--from node --to controlplane --port 443 --output json";
    let pairs = |snapshot: &str| {
        let run = reach_in(directory.path(), &format!("query --snapshot {snapshot} {question}"));
        serde_json::from_str::<Value>(&run.stdout).unwrap()["pairs"].clone()
    };
    assert_eq!(pairs("demo"), pairs("redacted.json.zst"));
    assert_eq!(pairs("demo"), pairs("twice.json"));
}

#[test]
fn the_program_writes_what_the_library_makes() {
    let shared = share(&crate::cli::demo_directory());
    let bytes = shared.redacted.document.to_bytes().unwrap();
    assert_eq!(reach("snapshot redact demo -o -").stdout, String::from_utf8(bytes).unwrap());
}

#[test]
fn a_key_makes_the_pseudonyms_of_two_snapshots_alike() {
    let directory = crate::cli::demo_without(&["describe-vpn"]);
    fs::write(directory.path().join("key"), "0123456789abcdef0123456789abcdef\n").unwrap();
    fs::write(directory.path().join("short"), "secret").unwrap();
    let run = |words: &str| reach_in(directory.path(), words);
    let account = |text: &str| {
        let document: Value = serde_json::from_str(text).unwrap();
        let calls = document["calls"].as_array().unwrap();
        let vpcs = calls.iter().find(|record| record["call"] == "ec2 describe-vpcs").unwrap();
        vpcs["answer"]["Vpcs"][0]["OwnerId"].as_str().unwrap().to_owned()
    };
    let with = |snapshot: &str| account(&run(&format!("snapshot redact {snapshot} --key-file key -o -")).stdout);
    let without = |snapshot: &str| account(&run(&format!("snapshot redact {snapshot} -o -")).stdout);
    assert_eq!(with("demo"), with("demo-copy"));
    assert_ne!(without("demo"), without("demo-copy"), "other content, other pseudonyms");
    let run = run("snapshot redact demo --key-file short -o -");
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert!(run.stderr.contains("`short` holds 6 bytes: a key has 16 or more"), "{run}");
}
