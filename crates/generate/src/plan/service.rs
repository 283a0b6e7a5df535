//! Services: how big, where, and what their interfaces are.

use super::change;
use super::place::Tier;
use crate::profile::{Membership, Settings};
use crate::random::{Random, Zipf};

/// What the interfaces of a service belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// EC2 instances.
    Instances,
    /// An application load balancer.
    Balancer,
    /// RDS instances.
    Databases,
    /// A Lambda function.
    Functions,
}

/// One service.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) vpc: usize,
    pub(crate) tier: Tier,
    pub(crate) set: usize,
    /// Interfaces.
    pub(crate) size: usize,
    pub(crate) kind: Kind,
    /// The ports it listens on.
    pub(crate) ports: (u16, u16),
    /// Whether only what it needs may leave it.
    pub(crate) restricted: bool,
    /// Whether its interfaces have an IPv6 address, too.
    pub(crate) dual: bool,
    /// Whether it scrapes the others.
    pub(crate) watches: bool,
    /// Groups of every interface; filled by `group`.
    pub(crate) groups: Vec<usize>,
    /// Groups of which a few interfaces have one; filled by `group`.
    pub(crate) extras: Vec<usize>,
}

const NAMES: [&str; 40] = [
    "cart", "checkout", "catalog", "search", "pricing", "stock", "orders", "billing", "ledger", "invoice", "tax",
    "payout", "fraud", "risk", "identity", "session", "profile", "notify", "mailer", "push", "feed", "ranking",
    "media", "thumbs", "upload", "export", "report", "metrics", "audit", "archive", "batch", "planner", "router",
    "dispatch", "geo", "weather", "fleet", "sensor", "firmware", "console",
];
/// Well-known ports of applications and of stores.
const APP_PORTS: [u16; 8] = [443, 8080, 8443, 80, 9090, 50051, 3000, 8000];
const DATA_PORTS: [u16; 8] = [5432, 3306, 6379, 9092, 27017, 9042, 9200, 11211];

pub(crate) fn services(
    enis: usize,
    count: usize,
    workloads: usize,
    mains: usize,
    settings: Settings,
    seed: u64,
) -> Vec<Service> {
    let count = count.min(workloads / 2).max(1);
    let sizes = Zipf::new(count).divide(workloads);
    let mut random = Random::new(seed, "services");
    // The rank of the one service in front that every estate has.
    let front = if count < 40 { 3 } else { 24 };
    let mut of_vpc = vec![0_usize; mains];
    let mut of_set: Vec<Vec<usize>> = (0..mains * 3).map(|n| vec![0; tier_of(n % 3).sets(enis)]).collect();
    let mut services = Vec::with_capacity(count);
    for (rank, size) in sizes.into_iter().enumerate() {
        // The emptiest VPC, and there the emptiest subnets of the tier.
        let vpc = least(&of_vpc);
        change(&mut of_vpc, vpc, |load| *load += size);
        let tier = match rank {
            // One of each kind, however small the estate, and no giant in front.
            _ if rank == front => Tier::Public,
            1 | 4 => Tier::Data,
            0..12 => Tier::App,
            _ => match random.below(100) {
                0..4 => Tier::Public,
                4..70 => Tier::App,
                _ => Tier::Data,
            },
        };
        let mut set = 0;
        change(&mut of_set, vpc * 3 + number_of(tier), |loads| {
            set = least(loads);
            change(loads, set, |load| *load += size);
        });
        let kind = match tier {
            Tier::Public if rank == front || random.chance(60) => Kind::Balancer,
            Tier::Data if rank == 4 || random.chance(25) => Kind::Databases,
            Tier::App if rank > 5 && random.chance(8) => Kind::Functions,
            _ => Kind::Instances,
        };
        let name = format!("{}-{rank}", NAMES.get(rank % NAMES.len()).unwrap_or(&"service"));
        let well_known = if tier == Tier::Data { DATA_PORTS } else { APP_PORTS };
        let well_known = random.pick(&well_known).unwrap_or(443);
        let own = u16::try_from(10_000 + rank * 7 % 20_000).unwrap_or(10_000);
        let ports = match (tier, random.below(100)) {
            (Tier::Public, _) => (443, 443),
            (_, 0..75) => (well_known, well_known),
            (_, 75..95) => (own, own),
            _ => (own, own.saturating_add(u16::try_from(random.between(1, 200)).unwrap_or(1))),
        };
        services.push(Service {
            name,
            vpc,
            tier,
            set,
            size,
            kind,
            ports,
            restricted: random.chance(settings.restricted),
            dual: rank % 5 == 2,
            watches: false,
            groups: Vec::new(),
            extras: Vec::new(),
        });
    }
    for vpc in 0..mains {
        let of_vpc = services.iter_mut().filter(|service| service.vpc == vpc);
        let watcher = of_vpc.filter(|service| service.tier == Tier::App && service.kind == Kind::Instances).nth(2);
        if let Some(service) = watcher {
            service.watches = settings.membership == Membership::Services;
        }
    }
    services
}

const fn tier_of(number: usize) -> Tier {
    match number {
        0 => Tier::Public,
        1 => Tier::App,
        _ => Tier::Data,
    }
}

const fn number_of(tier: Tier) -> usize {
    match tier {
        Tier::Public => 0,
        Tier::App => 1,
        _ => 2,
    }
}

fn least(loads: &[usize]) -> usize {
    loads.iter().enumerate().min_by_key(|&(_, load)| *load).map_or(0, |(position, _)| position)
}

/// Who calls whom: for each service its callers, and for each what it calls.
#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) callers: Vec<Vec<usize>>,
    pub(crate) callees: Vec<Vec<usize>>,
}

/// Draws the calls: few services are called by many (Zipf), independent of their size.
pub(crate) fn calls(settings: Settings, seed: u64, services: &[Service]) -> Calls {
    let mut random = Random::new(seed, "calls");
    let mut targets: Vec<usize> =
        services.iter().enumerate().filter(|(_, s)| s.tier != Tier::Public).map(|(position, _)| position).collect();
    random.shuffle(&mut targets);
    let zipf = Zipf::new(targets.len());
    let mut calls = Calls { callers: vec![Vec::new(); services.len()], callees: vec![Vec::new(); services.len()] };
    let k = settings.dependencies;
    for (caller, service) in services.iter().enumerate() {
        let wanted = match service.tier {
            Tier::Data => random.below(k / 2 + 1),
            _ => random.between(k / 2, k * 7 / 4 + 1),
        };
        for _ in 0..wanted {
            let callee = (0..8).find_map(|_| {
                let callee = targets.get(zipf.pick(&mut random)).copied()?;
                let full = calls.callers.get(callee).is_none_or(|callers| callers.len() >= settings.references);
                let known = calls.callees.get(caller).is_none_or(|callees| callees.contains(&callee));
                // A tenth of the calls crosses a peering.
                let far = services.get(callee).is_none_or(|other| other.vpc != service.vpc) && !random.chance(20);
                (!full && !known && !far && callee != caller).then_some(callee)
            });
            if let Some(callee) = callee {
                change(&mut calls.callers, callee, |callers| callers.push(caller));
                change(&mut calls.callees, caller, |callees| callees.push(callee));
            }
        }
    }
    calls
}
