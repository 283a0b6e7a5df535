//! `reach matrix`: every flow that passes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use rayon::prelude::*;
use reach_engine::compile::Compiled;
use reach_engine::compile::link::Links;
use reach_engine::compile::matrix::{Flows, Matrix, OutsideFlows};
use reach_engine::compile::population::{Population, Role};
use reach_engine::endpoint::Endpoint;
use reach_engine::pair::Contradiction;
use reach_model::document::write_whole;
use reach_model::network::{Idx, NetworkInterface};
use reach_model::{Call, Network};
use reach_packets::{IpSet, PortSet};

use super::query;
use crate::args::{Matrix as Arguments, MatrixFormat, Unit};
use crate::ask::{self, Icmp, Names, Terms};
use crate::config::Config;
use crate::exit::ExitCode;
use crate::failure::{Failure, warn};
use crate::load::{self, Voice};
use crate::output::{Output, Stop};
use crate::render::matrix::{Summary, Table};

/// Runs that are computed before what they hold is written.
const BATCH: usize = 256;

/// The collections that all flows pass through, and what their absence means.
const STRUCTURE: [(Call, &str); 7] = [
    (Call::DescribeNetworkInterfaces, "there may be more addresses"),
    (Call::DescribeInstances, "whether some addresses are alive is unknown"),
    (Call::DescribeVpcs, "flows inside some VPCs are unknown"),
    (Call::DescribeSubnets, "flows of some subnets are unknown"),
    (Call::DescribeRouteTables, "flows between subnets are unknown"),
    (Call::DescribeNetworkAcls, "flows between subnets are unknown"),
    (Call::DescribeSecurityGroups, "flows of some interfaces are unknown"),
];

/// One side of the matrix: addresses inside, by interface, and addresses outside.
struct Side {
    inside: Option<Vec<(Idx<NetworkInterface>, ipnet::IpNet)>>,
    outside: IpSet,
    unresolved: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments, config: &Config, voice: Voice) -> Result<ExitCode, Stop> {
    let terms = Terms {
        protocol: arguments.protocol.as_deref(),
        port: arguments.port.as_deref(),
        source_port: None,
        icmp: Icmp::All,
        family: None,
    };
    let wanted = ask::parse(&terms, Names::Flags).map(|(ask, _)| ask.headers()).map_err(query::complain)?;
    let format = match (arguments.output, &arguments.out) {
        (Some(format), _) => format,
        (None, Some(_)) => MatrixFormat::Jsonl,
        (None, None) => MatrixFormat::Text,
    };
    if arguments.classes.is_some() && (format != MatrixFormat::Csv || arguments.group == Unit::Eni) {
        let hint = "the other forms hold the classes themselves";
        return Err(Failure::input("`--classes` goes with `--output csv --group class`").with_hint(hint).into());
    }
    let paths = config.snapshot(&arguments.source.snapshot)?;
    let network = load::network(&paths, voice)?;
    let cluster = config.cluster(arguments.cluster.as_deref());
    let from = side(&network, arguments.from.as_deref(), cluster)?;
    let to = side(&network, arguments.to.as_deref(), cluster)?;
    let mut open: Vec<String> = from.unresolved.iter().chain(&to.unresolved).cloned().collect();
    for (call, what) in STRUCTURE {
        if !network.collected_for(None, call) {
            open.push(format!("{} was not collected in full: {what}", call.operation()));
        }
    }
    open.dedup();
    if let (Some(one), Some(other)) = (&from.inside, &to.inside)
        && from.outside.is_empty()
        && to.outside.is_empty()
        && (one.is_empty() || other.is_empty() || (one.len() == 1 && one == other))
    {
        return Err(Failure::input("no pair is left: both sides are one and the same address, or nobody").into());
    }
    if voice != Voice::Quiet {
        for line in &open {
            warn(line);
        }
    }
    let threads = rayon::ThreadPoolBuilder::new().num_threads(arguments.threads.unwrap_or(0)).build();
    let threads = threads.map_err(|error| Failure::io("threads", &io::Error::other(error)))?;
    let compiled = Compiled::new(&network);
    threads.install(|| {
        let population = match (&from.inside, &to.inside) {
            (None, None) => Population::of(&compiled),
            _ => Population::new(&compiled, members(&network, &from, &to)),
        };
        let links = Links::new(&compiled, &population);
        let matrix = Matrix::new(&compiled, &population, &links);
        let work = Work { matrix, population: &population, compiled: &compiled, from: &from, to: &to, wanted: &wanted };
        match (format, &arguments.out) {
            (MatrixFormat::Text, None) => work.summary(&network, voice == Voice::Quiet),
            (_, Some(path)) => {
                whole(path, |writer| work.table(writer, format, arguments.group, &open))?;
                Ok(())
            }
            (_, None) => {
                let mut output = Output::plain(voice == Voice::Quiet);
                let written = work.table(output.writer(), format, arguments.group, &open);
                written.map_err(|error| stop(&error))?;
                output.flush()
            }
        }?;
        if let Some(path) = &arguments.classes {
            whole(path, |writer| Table::classes(writer, &network, &population))?;
        }
        Ok::<(), Stop>(())
    })?;
    Ok(ExitCode::Ok)
}

/// Writes a file that appears when it is complete, or not at all.
fn whole(path: &Path, write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>) -> Result<(), Failure> {
    write_whole(path, write).map_err(|error| match contradiction(&error) {
        Some(error) => Failure::contradiction(error),
        None => Failure::io(format!("`{}` cannot be written", path.display()), &error),
    })
}

/// A contradiction of the engines on its way through what only writes.
fn differ(error: Box<Contradiction>) -> io::Error {
    io::Error::other(error)
}

fn contradiction(error: &io::Error) -> Option<&Contradiction> {
    error
        .get_ref()?
        .downcast_ref::<Box<Contradiction>>()
        .map(|error| &**error)
        .or_else(|| error.get_ref()?.downcast_ref())
}

/// What ends a list that was going to standard output.
fn stop(error: &io::Error) -> Stop {
    contradiction(error).map_or_else(|| Stop::of_write(error), |error| Failure::contradiction(error).into())
}

/// What a selector means here; everything where there is none.
fn side(network: &Network, selector: Option<&str>, cluster: Option<&str>) -> Result<Side, Failure> {
    let Some(selector) = selector else {
        let Endpoint::Outside(internet) = Endpoint::internet(network) else {
            return Err(Failure::input("the internet has no addresses"));
        };
        return Ok(Side { inside: None, outside: internet.addresses.clone(), unresolved: Vec::new() });
    };
    let endpoints = reach_eks::endpoints(network, selector, cluster).map_err(|error| query::unresolved(&error))?;
    let mut side = Side { inside: Some(Vec::new()), outside: IpSet::empty(), unresolved: Vec::new() };
    let inside = side.inside.get_or_insert_default();
    for endpoint in endpoints {
        match endpoint {
            Endpoint::Interface { interface, v4, v6 } => {
                inside.extend([v4, v6].into_iter().flatten().map(|address| (interface, address.into())));
            }
            Endpoint::Prefix { interface, net } => inside.push((interface, net)),
            Endpoint::Outside(outside) => side.outside = side.outside.union(&outside.addresses),
            Endpoint::Unresolved(missing) => {
                let note = missing.note.as_deref().unwrap_or("who is meant");
                let call = missing.call.map_or_else(String::new, |call| format!(" ({} would tell)", call.operation()));
                side.unresolved.push(format!("`{}`: {note} is unknown{call}", missing.name));
            }
        }
    }
    Ok(side)
}

/// The members of both sides, each with what it is asked as.
fn members(network: &Network, from: &Side, to: &Side) -> Vec<(Idx<NetworkInterface>, ipnet::IpNet, Role)> {
    let all = || {
        let interfaces = network.interfaces.iter();
        let nets = interfaces.flat_map(|(idx, interface)| {
            let own = interface.addresses.iter().map(|address| ipnet::IpNet::from(address.ip));
            own.chain(interface.prefixes.iter().copied()).map(move |net| (idx, net))
        });
        nets.collect::<Vec<_>>()
    };
    let mut roles: indexmap::IndexMap<(Idx<NetworkInterface>, ipnet::IpNet), Role> = indexmap::IndexMap::new();
    let nobody = Role { source: false, destination: false };
    for key in from.inside.clone().unwrap_or_else(all) {
        roles.entry(key).or_insert(nobody).source = true;
    }
    for key in to.inside.clone().unwrap_or_else(all) {
        roles.entry(key).or_insert(nobody).destination = true;
    }
    roles.into_iter().map(|((interface, net), role)| (interface, net, role)).collect()
}

/// Everything that the list is made of.
struct Work<'w> {
    matrix: Matrix<'w, 'w>,
    population: &'w Population,
    compiled: &'w Compiled<'w>,
    from: &'w Side,
    to: &'w Side,
    wanted: &'w PortSet,
}

impl Work<'_> {
    /// Hands on the flows of all rows, batch by batch, in order.
    fn rows(&self, mut each: impl FnMut(Vec<Flows>) -> io::Result<()>) -> io::Result<()> {
        for runs in self.matrix.rows().runs().chunks(BATCH) {
            let flows: Vec<Vec<Flows>> = runs
                .par_iter()
                .map_init(
                    || self.matrix.rows().scratch(),
                    |scratch, run| {
                        let flows = self.matrix.run(run, scratch);
                        flows.iter().try_for_each(|flows| self.matrix.check(flows)).map_err(differ)?;
                        Ok(flows)
                    },
                )
                .collect::<io::Result<_>>()?;
            flows.into_iter().try_for_each(&mut each)?;
        }
        Ok(())
    }

    fn others(&self) -> io::Result<Vec<Flows>> {
        let flows = self.matrix.others();
        flows.par_iter().try_for_each(|flows| self.matrix.check(flows)).map_err(differ)?;
        Ok(flows)
    }

    fn outside(&self, outside: &IpSet, inbound: bool) -> io::Result<Vec<OutsideFlows>> {
        let flows = self.matrix.outside(outside, inbound);
        flows.par_iter().try_for_each(|flows| self.matrix.check_outside(flows, inbound)).map_err(differ)?;
        Ok(flows)
    }

    fn table(&self, writer: &mut impl Write, format: MatrixFormat, unit: Unit, open: &[String]) -> io::Result<()> {
        let mut table = Table::new(writer, self.compiled, self.population, self.wanted, format, unit);
        table.begin(open)?;
        self.rows(|flows| flows.iter().try_for_each(|flows| table.flows(flows)))?;
        self.others()?.iter().try_for_each(|flows| table.flows(flows))?;
        for (inbound, outside) in [(true, &self.from.outside), (false, &self.to.outside)] {
            for flows in self.outside(outside, inbound)? {
                table.outside(&flows, inbound)?;
            }
        }
        table.end()
    }

    fn summary(&self, network: &Network, quiet: bool) -> Result<(), Stop> {
        let mut summary = Summary::new(network, self.population);
        let mut algebra = self.compiled.algebra();
        let wanted = algebra.intern(self.wanted.clone());
        let mut keep = |flows: Vec<Flows>| -> Vec<Flows> {
            flows.into_iter().filter(|flows| algebra.meets(flows.headers, wanted)).collect()
        };
        let rows = self.rows(|flows| {
            let flows = keep(flows);
            summary.add(flows.len(), self.matrix.reached(&flows));
            Ok(())
        });
        rows.map_err(|error| stop(&error))?;
        let others = keep(self.others().map_err(|error| stop(&error))?);
        summary.add(others.len(), self.matrix.reached(&others));
        for (inbound, outside) in [(true, &self.from.outside), (false, &self.to.outside)] {
            let flows = self.outside(outside, inbound).map_err(|error| stop(&error))?;
            summary.outside(
                inbound,
                flows
                    .iter()
                    .filter(|flows| flows.certain && self.compiled.headers.get(flows.headers).intersects(self.wanted)),
            );
        }
        Output::styled(quiet).finish(summary.text().as_bytes())
    }
}
