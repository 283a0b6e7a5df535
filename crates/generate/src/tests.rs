//! What estates look like: the same bytes, the promised numbers, all or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Error, Layout, Profile, Request, Written, generate};

fn request(enis: usize, profile: Profile) -> Request {
    Request { enis, profile, services: None, seed: 1, layout: Layout::Aws }
}

/// An estate in a temporary directory.
struct Estate {
    root: tempfile::TempDir,
    written: Written,
}

impl Estate {
    fn of(request: &Request) -> Self {
        let root = tempfile::tempdir().unwrap();
        let written = generate(request, &root.path().join("estate")).unwrap();
        Self { root, written }
    }

    fn path(&self) -> PathBuf {
        self.root.path().join("estate")
    }

    fn list(&self, call: &str, key: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path().join(format!("{call}.json"))).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        document[key].as_array().unwrap().clone()
    }

    fn interfaces(&self) -> Vec<Value> {
        self.list("ec2-describe-network-interfaces", "NetworkInterfaces")
    }
}

/// All files below a directory with their bytes.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut rest = vec![directory.to_owned()];
    while let Some(next) = rest.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                rest.push(path);
            } else {
                files.insert(path.strip_prefix(directory).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// How many rules of each direction a group has.
fn rules(group: &Value) -> [usize; 2] {
    ["IpPermissions", "IpPermissionsEgress"].map(|direction| {
        let peers = |permission: &Value| {
            ["IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs"]
                .iter()
                .map(|key| permission[key].as_array().unwrap().len())
                .sum::<usize>()
        };
        group[direction].as_array().unwrap().iter().map(peers).sum()
    })
}

/// Numbers that profiles are made for.
struct Numbers {
    sets: usize,
    /// Per interface, both directions.
    mean_rules: usize,
    /// Per interface and direction.
    most_rules: usize,
    addresses_differ: bool,
}

fn numbers(estate: &Estate) -> Numbers {
    let groups = estate.list("ec2-describe-security-groups", "SecurityGroups");
    let of_group: BTreeMap<&str, [usize; 2]> =
        groups.iter().map(|group| (group["GroupId"].as_str().unwrap(), rules(group))).collect();
    assert_eq!(of_group.values().flatten().sum::<usize>(), estate.written.rules);
    let interfaces = estate.interfaces();
    let mut sets = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    let (mut total, mut most, mut differ) = (0, 0, true);
    for interface in &interfaces {
        let members: BTreeSet<&str> =
            interface["Groups"].as_array().unwrap().iter().map(|group| group["GroupId"].as_str().unwrap()).collect();
        let sums =
            members.iter().map(|id| of_group[id]).fold([0, 0], |[i, e], [ingress, egress]| [i + ingress, e + egress]);
        total += sums.iter().sum::<usize>();
        most = most.max(sums[0]).max(sums[1]);
        for address in interface["PrivateIpAddresses"].as_array().unwrap() {
            let key = (interface["VpcId"].to_string(), address["PrivateIpAddress"].to_string());
            differ &= addresses.insert(key);
        }
        sets.insert(members);
    }
    Numbers { sets: sets.len(), mean_rules: total / interfaces.len(), most_rules: most, addresses_differ: differ }
}

#[test]
fn the_same_request_gives_the_same_bytes_and_another_seed_others() {
    for profile in Profile::ALL {
        for layout in [Layout::Aws, Layout::Batfish] {
            let request = Request { layout, ..request(200, profile) };
            let one = files(&Estate::of(&request).path());
            assert_eq!(one, files(&Estate::of(&request).path()), "{profile}");
            let other = files(&Estate::of(&Request { seed: 2, ..request }).path());
            assert_ne!(one.values().collect::<Vec<_>>(), other.values().collect::<Vec<_>>(), "{profile}");
        }
    }
}

/// The bytes are part of what a version promises: whoever changes them changes this, and says so in the changelog.
#[test]
fn the_bytes_are_those_of_every_machine() {
    let fingerprint = |profile| {
        // FNV-1a over names and contents.
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for (name, bytes) in files(&Estate::of(&request(50, profile)).path()) {
            for &byte in name.to_str().unwrap().as_bytes().iter().chain(&bytes) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
        format!("{hash:016x}")
    };
    assert_eq!(
        Profile::ALL.map(fingerprint),
        [
            "cf55d2dafd9c084c",
            "b8790e8723ed5c82",
            "980a11e9e94f38b8",
            "94e0e34b6ac53c9e",
            "7d705fbfd30f4ead",
            "5e64cf344551a44f",
            "7c5c968b98004c1b"
        ]
    );
}

#[test]
fn an_estate_has_as_many_interfaces_as_were_asked_for() {
    for profile in Profile::ALL {
        for enis in [50, 51, 199, 200, 777] {
            let estate = Estate::of(&request(enis, profile));
            assert_eq!(estate.written.enis, enis, "{profile}");
            assert_eq!(estate.interfaces().len(), enis, "{profile}");
            let on_disk = files(&estate.path());
            assert_eq!(estate.written.files, on_disk.len() as u64);
            assert_eq!(estate.written.bytes, on_disk.values().map(|bytes| bytes.len() as u64).sum::<u64>());
        }
    }
}

#[test]
fn profiles_keep_their_promises() {
    let of = |profile| numbers(&Estate::of(&request(5_000, profile)));
    let realistic = of(Profile::Realistic);
    assert!((300..600).contains(&realistic.sets), "{} sets", realistic.sets);
    assert!((25..45).contains(&realistic.mean_rules), "{} rules", realistic.mean_rules);
    assert!(realistic.most_rules <= 150, "{} rules", realistic.most_rules);
    let dense = of(Profile::Dense);
    assert!((80..150).contains(&dense.mean_rules), "{} rules", dense.mean_rules);
    let frag = of(Profile::Frag);
    assert!(frag.mean_rules > 60, "{} rules", frag.mean_rules);
    let max = of(Profile::Max);
    assert!((1_000..1_300).contains(&max.mean_rules), "{} rules", max.mean_rules);
    assert!(max.most_rules <= 1_000, "{} rules", max.most_rules);
    // All but the gateways and endpoints, which have no drawn groups, have a set of their own.
    for profile in [of(Profile::Uniq), max] {
        assert!(profile.sets > 4_950, "{} sets", profile.sets);
    }
    for numbers in [realistic, dense, frag, of(Profile::Eks), of(Profile::Scatter)] {
        assert!(numbers.addresses_differ);
    }
}

#[test]
fn pods_have_all_three_kinds_of_addresses() {
    let estate = Estate::of(&request(2_000, Profile::Eks));
    let interfaces = estate.interfaces();
    let with = |key: &str| interfaces.iter().filter(|i| i[key].as_array().is_some_and(|list| list.len() > 1)).count();
    assert!(with("Ipv4Prefixes") > 10 && with("PrivateIpAddresses") > 10);
    let branches = interfaces.iter().filter(|interface| interface["InterfaceType"] == "branch").count();
    let associations = estate.list("ec2-describe-trunk-interface-associations", "InterfaceAssociations");
    assert!(branches > 10);
    assert_eq!(branches, associations.len());
    let mut prefixes = BTreeSet::new();
    for interface in &interfaces {
        for prefix in interface["Ipv4Prefixes"].as_array().into_iter().flatten() {
            assert!(prefixes.insert(prefix["Ipv4Prefix"].as_str().unwrap().to_owned()));
        }
    }
}

#[test]
fn a_directory_with_something_in_it_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let taken = root.path().join("taken");
    fs::create_dir(&taken).unwrap();
    fs::write(taken.join("notes.txt"), "mine").unwrap();
    assert!(matches!(generate(&request(50, Profile::Realistic), &taken), Err(Error::NotEmpty(_))));
    assert!(matches!(
        generate(&request(50, Profile::Realistic), &taken.join("notes.txt")),
        Err(Error::NotADirectory(_))
    ));
    assert_eq!(files(root.path()).len(), 1);
    let empty = root.path().join("empty");
    fs::create_dir(&empty).unwrap();
    generate(&request(50, Profile::Realistic), &empty).unwrap();
    assert!(empty.join("ec2-describe-vpcs.json").is_file());
    // Nothing else is left beside them.
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
}

#[test]
fn sizes_have_bounds() {
    let root = tempfile::tempdir().unwrap();
    for enis in [0, 49, 512_001] {
        let result = generate(&request(enis, Profile::Realistic), &root.path().join("estate"));
        assert!(matches!(result, Err(Error::Size(size)) if size == enis));
    }
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}
