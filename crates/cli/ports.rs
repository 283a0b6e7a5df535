//! Names of well-known ports. A name stands for a number and says nothing about the protocol.

/// Sorted by name.
const SERVICES: &[(&str, u16)] = &[
    ("amqp", 5672),
    ("amqps", 5671),
    ("bgp", 179),
    ("bootpc", 68),
    ("bootps", 67),
    ("cassandra", 9042),
    ("consul", 8500),
    ("coredns-metrics", 9153),
    ("dhcp", 67),
    ("dns", 53),
    ("domain", 53),
    ("domain-s", 853),
    ("elasticsearch", 9200),
    ("etcd", 2379),
    ("etcd-peer", 2380),
    ("ftp", 21),
    ("ftp-data", 20),
    ("grpc", 50051),
    ("http", 80),
    ("http-alt", 8080),
    ("https", 443),
    ("https-alt", 8443),
    ("imap", 143),
    ("imaps", 993),
    ("ipsec-nat-t", 4500),
    ("isakmp", 500),
    ("istio-pilot", 15012),
    ("istio-webhook", 15017),
    ("kafka", 9092),
    ("kerberos", 88),
    ("kube-apiserver", 6443),
    ("kube-proxy", 10256),
    ("kubelet", 10250),
    ("ldap", 389),
    ("ldaps", 636),
    ("memcached", 11211),
    ("mongodb", 27017),
    ("mqtt", 1883),
    ("mssql", 1433),
    ("mysql", 3306),
    ("nats", 4222),
    ("nfs", 2049),
    ("node-exporter", 9100),
    ("ntp", 123),
    ("openvpn", 1194),
    ("oracle", 1521),
    ("otlp", 4317),
    ("otlp-http", 4318),
    ("pop3", 110),
    ("pop3s", 995),
    ("postgres", 5432),
    ("postgresql", 5432),
    ("prometheus", 9090),
    ("radius", 1812),
    ("rdp", 3389),
    ("redis", 6379),
    ("smb", 445),
    ("smtp", 25),
    ("smtps", 465),
    ("snmp", 161),
    ("ssh", 22),
    ("submission", 587),
    ("syslog", 514),
    ("telnet", 23),
    ("vxlan", 4789),
    ("winrm", 5985),
    ("winrm-https", 5986),
    ("wireguard", 51820),
    ("zookeeper", 2181),
];

/// The port of a service, by its name in any case.
pub(crate) fn number(name: &str) -> Option<u16> {
    SERVICES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, port)| port)
}

/// The known name that `name` is most probably a slip of.
pub(crate) fn similar(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let limit = if name.len() < 5 { 1 } else { 2 };
    let candidates = SERVICES.iter().map(|&(known, _)| (distance(&name, known), known));
    candidates.filter(|&(distance, _)| distance <= limit).min().map(|(_, known)| known)
}

/// How many letters must be put in, left out, exchanged or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut older: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    let mut last = None;
    for (i, letter) in a.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, &other) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let mut cost = at(&previous, j) + usize::from(letter != other);
            cost = cost.min(at(&previous, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = last == Some(other) && j.checked_sub(1).and_then(|j| b.get(j)) == Some(&letter);
            if swapped && let Some(j) = j.checked_sub(1) {
                cost = cost.min(at(&older, j) + 1);
            }
            row.push(cost);
        }
        older = std::mem::replace(&mut previous, row);
        last = Some(letter);
    }
    previous.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_found_in_any_case() {
        assert!(SERVICES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(number("HTTPS"), Some(443));
        assert_eq!(number("Kubelet"), Some(10250));
        assert_eq!(number("domain"), number("dns"));
        assert_eq!(number("gopher"), None);
    }

    #[test]
    fn slips_are_recognised() {
        assert_eq!(similar("htpts"), Some("https"));
        assert_eq!(similar("kublet"), Some("kubelet"));
        assert_eq!(similar("sshh"), Some("ssh"));
        assert_eq!(similar("gopher"), None);
        assert_eq!((distance("", "abc"), distance("abc", "abc"), distance("ab", "ba")), (3, 0, 1));
    }
}
