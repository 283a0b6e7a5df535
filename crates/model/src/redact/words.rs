//! Texts and the pseudonyms that stand for them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::address::Addresses;
use super::{Key, Known};
use crate::time::is_time;

/// The digits of a pseudonym: among a million texts two are taken for one with a chance of 3 in 100 million.
const DIGITS: usize = 16;

/// What stands before the digits.
const MARK: &str = "x-";

/// Longer text than this is no word.
const LONGEST_WORD: usize = 64;

/// The digits of the id of an AWS resource.
const ID_DIGITS: usize = 17;

/// What stands before the digits of an id.
const KINDS: [&str; 62] = [
    "acl",
    "aclassoc",
    "ami",
    "cagw",
    "cgw",
    "dopt",
    "eice",
    "eigw",
    "eipalloc",
    "eipassoc",
    "eni",
    "eni-attach",
    "fl",
    "fs",
    "i",
    "igw",
    "ipam",
    "ipam-pool",
    "ipv4pool-ec2",
    "ipv6pool-ec2",
    "ipv6-cidr-assoc",
    "key",
    "lgw",
    "lgw-rtb",
    "lgw-vif",
    "lgw-vif-grp",
    "lt",
    "nat",
    "ngw",
    "nia",
    "nip",
    "pcx",
    "pl",
    "r",
    "rtb",
    "rtbassoc",
    "scg",
    "sg",
    "sgr",
    "sir",
    "snap",
    "subnet",
    "subnet-cidr-assoc",
    "tgw",
    "tgw-attach",
    "tgw-connect-peer",
    "tgw-mcast-domain",
    "tgw-ptb",
    "tgw-rtb",
    "tgw-rtb-announcement",
    "trunk-assoc",
    "vgw",
    "vol",
    "vpc",
    "vpc-cidr-assoc",
    "vpcbpa-exclude",
    "vpce",
    "vpce-svc",
    "vpn",
    "vpn-conn",
    "reservation",
    "h",
];

/// AWS's own names in fields that else hold an account.
const OWNERS: [&str; 11] = [
    "AWS",
    "amazon",
    "amazon-aws",
    "amazon-elasticache",
    "amazon-elb",
    "amazon-rds",
    "amazon-redshift",
    "aws-marketplace",
    "microsoft",
    "self",
    "EKS",
];

/// What EKS ends its requester id with (EK-9).
const EKS_REQUESTER: &str = ":AmazonEKS";

/// The first word of the resource in an ARN.
const ARN_KINDS: [&str; 40] = [
    "accesspoint",
    "addon",
    "assumed-role",
    "autoScalingGroup",
    "capacity-reservation",
    "carrier-gateway",
    "certificate",
    "cluster",
    "core-network",
    "customer-gateway",
    "dhcp-options",
    "elastic-ip",
    "fargateprofile",
    "group",
    "image",
    "instance",
    "instance-profile",
    "internet-gateway",
    "key",
    "launch-template",
    "listener",
    "listener-rule",
    "loadbalancer",
    "natgateway",
    "network-acl",
    "network-interface",
    "nodegroup",
    "outpost",
    "policy",
    "prefix-list",
    "role",
    "route-table",
    "security-group",
    "security-group-rule",
    "subnet",
    "targetgroup",
    "transit-gateway",
    "user",
    "volume",
    "vpc",
];

/// The second word of the ARN of a load balancer and what belongs to it (LB-6).
const BALANCERS: [&str; 3] = ["app", "net", "gwy"];

/// Names of Kubernetes and of AWS's add-ons that code looks for.
const NAMES: [&str; 11] = [
    "default",
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "kubernetes",
    "kube-dns",
    "aws-node",
    "vpc-cni",
    "coredns",
    "kube-proxy",
    "localhost",
];

/// Texts to pseudonyms; remembers which text each one stands for.
#[derive(Debug)]
pub(super) struct Words<'k> {
    key: Key,
    addresses: Addresses,
    known: Known<'k>,
    pseudonyms: BTreeMap<String, String>,
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl<'k> Words<'k> {
    pub(super) fn new(key: &Key, addresses: Addresses, known: Known<'k>) -> Self {
        Self { key: key.clone(), addresses, known, pseudonyms: BTreeMap::new() }
    }

    pub(super) fn pseudonyms(&self) -> &BTreeMap<String, String> {
        &self.pseudonyms
    }

    /// Remembers what `text` became.
    fn became(&mut self, text: &str, pseudonym: String) -> String {
        if text != pseudonym {
            self.pseudonyms.insert(text.to_owned(), pseudonym.clone());
        }
        pseudonym
    }

    /// The pseudonym of any text; an account becomes twelve other digits, and nothing stays nothing.
    pub(super) fn opaque(&mut self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        let pseudonym = if is_account(text) {
            format!("{:012}", self.key.number("account", text.as_bytes()) % 1_000_000_000_000)
        } else {
            format!("{MARK}{}", self.key.hex("text", text, DIGITS))
        };
        self.became(text, pseudonym)
    }

    /// A name that somebody gave; names of common software stay.
    pub(super) fn name(&mut self, text: &str) -> String {
        if NAMES.contains(&text) || self.known.names.contains(&text) { text.to_owned() } else { self.opaque(text) }
    }

    /// The name of a pod: what shows which software it runs stays, the rest does not.
    pub(super) fn pod(&mut self, text: &str) -> String {
        let known = self.known.pods.iter().filter(|known| text.starts_with(**known)).max_by_key(|known| known.len());
        match known {
            Some(known) if *known == text => text.to_owned(),
            Some(known) => {
                let pseudonym = format!("{known}-{}", self.opaque(text));
                self.became(text, pseudonym)
            }
            None => self.name(text),
        }
    }

    /// A word of AWS's vocabulary, at a key that holds nothing else; what does not look like one becomes a pseudonym.
    pub(super) fn word(&mut self, text: &str) -> String {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || " ._/+:()-".contains(letter);
        let is_word = text.len() <= LONGEST_WORD && text.chars().all(plain) && !is_account(text);
        // An address is no word, whatever it stands at.
        if is_word && text.parse::<IpAddr>().is_err() && text.parse::<IpNet>().is_err() {
            text.to_owned()
        } else {
            self.anything(text)
        }
    }

    /// The id of a resource, if it looks like one: as AWS makes them it stays, made by hand it becomes another one.
    pub(super) fn id(&mut self, text: &str) -> Option<String> {
        let kind = KINDS.iter().filter(|kind| text.strip_prefix(**kind).is_some_and(|rest| rest.starts_with('-')));
        let kind = kind.max_by_key(|kind| kind.len())?;
        let rest = text.strip_prefix(kind)?.strip_prefix('-')?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if rest.is_empty() || !rest.bytes().all(allowed) {
            return None;
        }
        let made_by_aws = matches!(rest.len(), 8 | 16 | 17)
            && rest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            && rest.bytes().any(|byte| byte.is_ascii_digit());
        if made_by_aws {
            return Some(text.to_owned());
        }
        let pseudonym = format!("{kind}-{}", self.key.hex("id", text, ID_DIGITS));
        Some(self.became(text, pseudonym))
    }

    /// The account that owns something, or who asked for it.
    pub(super) fn owner(&mut self, text: &str) -> String {
        if OWNERS.contains(&text) {
            return text.to_owned();
        }
        if let Some(principal) = text.strip_suffix(EKS_REQUESTER) {
            let pseudonym = format!("{}{EKS_REQUESTER}", self.opaque(principal));
            return self.became(text, pseudonym);
        }
        self.opaque(text)
    }

    /// An address or a CIDR, if it is one.
    pub(super) fn address(&mut self, text: &str) -> Option<String> {
        let moved = if let Ok(address) = text.parse::<IpAddr>() {
            let moved = self.addresses.address(address);
            if moved == address { text.to_owned() } else { moved.to_string() }
        } else {
            let net = text.parse::<IpNet>().ok()?;
            let moved = self.addresses.net(net);
            if moved == net { text.to_owned() } else { moved.to_string() }
        };
        Some(self.became(text, moved))
    }

    /// An ARN, if it is one: its form, its service and its Region stay, and it ends as the description of a load
    /// balancer's interface does.
    pub(super) fn arn(&mut self, text: &str) -> Option<String> {
        let mut parts = text.splitn(6, ':');
        let mut part = || parts.next();
        let (head, partition, service, region, account, resource) =
            (part()?, part()?, part()?, part()?, part()?, part()?);
        let plain =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if head != "arn" || !partition.starts_with("aws") || ![partition, service, region].into_iter().all(plain) {
            return None;
        }
        let account = if account.is_empty() { String::new() } else { self.owner(account) };
        let resource = self.resource(resource);
        let pseudonym = format!("arn:{partition}:{service}:{region}:{account}:{resource}");
        Some(self.became(text, pseudonym))
    }

    /// The last part of an ARN.
    fn resource(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut balancer = false;
        for (position, piece) in text.split_inclusive(['/', ':']).enumerate() {
            let word = piece.trim_end_matches(['/', ':']);
            let kind = position == 0 && ARN_KINDS.contains(&word);
            balancer |= position == 0 && matches!(word, "loadbalancer" | "listener" | "listener-rule");
            if kind || (position == 1 && balancer && BALANCERS.contains(&word)) {
                out.push_str(word);
            } else {
                let segment = self.segment(word);
                out.push_str(&segment);
            }
            out.push_str(piece.get(word.len()..).unwrap_or_default());
        }
        out
    }

    /// A part of an ARN or of a description.
    pub(super) fn segment(&mut self, text: &str) -> String {
        self.id(text).unwrap_or_else(|| self.opaque(text))
    }

    /// The name of an AWS service or of its prefix list; those of others become pseudonyms.
    pub(super) fn service(&mut self, text: &str) -> String {
        let of_aws = ["com.amazonaws.", "cn.com.amazonaws.", "aws.api.", "aws.sagemaker."];
        let label =
            |label: &str| label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !of_aws.into_iter().any(|start| text.starts_with(start)) || !text.split('.').all(label) {
            return self.opaque(text);
        }
        let mut labels = Vec::new();
        for label in text.split('.') {
            // The service of a customer's: `com.amazonaws.vpce.eu-west-1.vpce-svc-…`.
            labels.push(if label.starts_with("vpce-svc-") { self.segment(label) } else { label.to_owned() });
        }
        let pseudonym = labels.join(".");
        self.became(text, pseudonym)
    }

    /// The name of a host: that which AWS makes of a private address stays.
    pub(super) fn host(&mut self, text: &str) -> String {
        let private = || {
            let (first, domain) = text.split_once('.')?;
            let address = first.strip_prefix("ip-")?.replace('-', ".");
            let address: std::net::Ipv4Addr = address.parse().ok()?;
            let region = domain.strip_suffix(".compute.internal");
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            let of_aws = domain == "ec2.internal" || region.is_some_and(|region| region.bytes().all(plain));
            Some(of_aws && address.is_private())
        };
        if private() == Some(true) { text.to_owned() } else { self.opaque(text) }
    }

    /// A text of which nothing is known but its form: addresses move, ARNs keep their form, ids of AWS and times stay, and
    /// everything else becomes a pseudonym.
    pub(super) fn anything(&mut self, text: &str) -> String {
        if text.is_empty() || matches!(text, "true" | "false") || is_time(text) {
            return text.to_owned();
        }
        if let Some(address) = self.address(text) {
            return address;
        }
        if let Some(arn) = self.arn(text) {
            return arn;
        }
        self.segment(text)
    }

    /// The key of a JSON object: a plain identifier stays, anything else was made up by somebody.
    pub(super) fn key(&mut self, text: &str) -> String {
        let plain = text.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && text.len() <= LONGEST_WORD
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if plain { text.to_owned() } else { self.opaque(text) }
    }
}
