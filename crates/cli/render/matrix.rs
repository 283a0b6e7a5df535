//! Flows as lines: `reach.matrix/1`.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use reach_engine::compile::Compiled;
use reach_engine::compile::matrix::{Flows, OutsideFlows};
use reach_engine::compile::population::{Population, Position};
use reach_engine::endpoint::Endpoint;
use reach_engine::explain;
use reach_model::Network;
use reach_packets::{Family, IntervalSet, IpSet, Lane, PortSet, Protocol};
use serde_json::{Value, json};

use crate::args::{MatrixFormat, Unit};

/// The schema of the list.
pub(crate) const SCHEMA: &str = "reach.matrix/1";

/// Named sets of classes are forgotten beyond this many bytes, and named anew.
const NAMED: usize = 64 << 20;

/// What passes on one line: protocol, destination ports and client ports, as text.
struct Rectangle {
    protocol: String,
    ports: Option<String>,
    source_ports: Option<String>,
}

/// The lines of one rectangle: all at once, or one for each protocol.
fn ports(headers: &PortSet, back: &PortSet, family: Family) -> Vec<Rectangle> {
    let foreign = if family == Family::V4 { Protocol::ICMPV6 } else { Protocol::ICMP };
    let possible = PortSet::full().subtract(&PortSet::of_protocol(foreign));
    if *headers == possible && back.tcp_ports().is_full() && back.udp_ports().is_full() {
        return vec![Rectangle { protocol: "all".to_owned(), ports: None, source_ports: None }];
    }
    let line = |lane: Lane<'_>| match lane {
        Lane::Ports(protocol, ports) => {
            let sources = if protocol == Protocol::UDP { back.udp_ports() } else { back.tcp_ports() };
            (!sources.is_empty()).then(|| Rectangle {
                protocol: protocol.to_string(),
                ports: Some(ports.to_string()),
                source_ports: Some(sources.to_string()),
            })
        }
        Lane::Icmp(protocol, messages) => {
            Some(Rectangle { protocol: protocol.to_string(), ports: Some(messages.to_string()), source_ports: None })
        }
        Lane::Other(numbers) => Some(Rectangle { protocol: numbers.to_string(), ports: None, source_ports: None }),
    };
    headers.lanes().filter_map(line).collect()
}

/// The list, as it is written.
pub(crate) struct Table<'t, W> {
    writer: &'t mut W,
    compiled: &'t Compiled<'t>,
    population: &'t Population,
    wanted: &'t PortSet,
    format: MatrixFormat,
    unit: Unit,
    /// Numbers of sets of classes and of addresses outside, which follow those of the classes.
    sets: HashMap<String, usize>,
    next: usize,
    bytes: usize,
    /// Classes whose members were told.
    told: Vec<bool>,
    flows: u64,
}

/// One end of a line.
enum End {
    /// Classes or sets by number.
    Numbers(Vec<usize>),
    /// One address, as JSON and as a cell of CSV.
    Single(Value, String),
}

impl<'t, W: Write> Table<'t, W> {
    pub(crate) fn new(
        writer: &'t mut W,
        compiled: &'t Compiled<'t>,
        population: &'t Population,
        wanted: &'t PortSet,
        format: MatrixFormat,
        unit: Unit,
    ) -> Self {
        let next = population.classes().len();
        Self {
            writer,
            compiled,
            population,
            wanted,
            format,
            unit,
            sets: HashMap::new(),
            next,
            bytes: 0,
            told: vec![false; next],
            flows: 0,
        }
    }

    /// What stands before all lines.
    pub(crate) fn begin(&mut self, open: &[String]) -> io::Result<()> {
        let group = if self.unit == Unit::Class { "class" } else { "eni" };
        match self.format {
            MatrixFormat::Csv | MatrixFormat::Text => {
                writeln!(self.writer, "from,to,protocol,ports,source_ports,state,pairs")
            }
            MatrixFormat::Jsonl => {
                let (classes, addresses) = (self.population.classes().len(), self.population.members().len());
                writeln!(
                    self.writer,
                    "{{\"schema\":\"{SCHEMA}\",\"group\":\"{group}\",\"addresses\":{addresses},\"classes\":{classes},\"open\":{}}}",
                    json!(open)
                )
            }
            MatrixFormat::Json => {
                write!(
                    self.writer,
                    "{{\"schema\":\"{SCHEMA}\",\"group\":\"{group}\",\"open\":{},\"classes\":{{",
                    json!(open)
                )?;
                if self.unit == Unit::Class {
                    for class in 0..self.population.classes().len() {
                        let comma = if class == 0 { "" } else { "," };
                        write!(self.writer, "{comma}\n\"{class}\":{}", self.members(class))?;
                    }
                }
                write!(self.writer, "}},\"flows\":[")
            }
        }
    }

    pub(crate) fn end(&mut self) -> io::Result<()> {
        match self.format {
            MatrixFormat::Json => writeln!(self.writer, "\n]}}"),
            _ => Ok(()),
        }
    }

    /// The members of every class, for a table beside the list.
    pub(crate) fn classes(writer: &'t mut W, network: &Network, population: &Population) -> io::Result<()> {
        writeln!(writer, "class,eni,ip,name")?;
        for class in 0..population.classes().len() {
            for &member in population.members_of(u32::try_from(class).unwrap_or(u32::MAX)) {
                let Some(member) = population.members().get(member as usize) else { continue };
                let eni = &network.interfaces.get(member.interface).id;
                let endpoint = Endpoint::address(member.interface, member.address());
                let name = explain::endpoint_name(network, &endpoint).unwrap_or_default();
                writeln!(writer, "{class},{eni},{},{}", printed(member.net), quoted(&name))?;
            }
        }
        Ok(())
    }

    /// One set of flows between classes.
    pub(crate) fn flows(&mut self, flows: &Flows) -> io::Result<()> {
        let to = flows.to.first().and_then(|&class| self.population.classes().get(class as usize));
        let place = to.and_then(|class| self.population.places().get(class.place as usize));
        let family = place.map_or(Family::V4, |place| place.family);
        let headers = self.compiled.headers.get(flows.headers).intersect(self.wanted);
        let lines = ports(&headers, &self.compiled.headers.get(flows.back), family);
        if lines.is_empty() {
            return Ok(());
        }
        if self.unit == Unit::Class {
            let sources: Vec<Position> = flows.sources().collect();
            let from = self.name(&sources)?;
            let to = self.name(&flows.to)?;
            return lines.iter().try_for_each(|line| self.line(&from, &to, line, flows.certain, flows.pairs));
        }
        let population = self.population;
        for &to_class in &flows.to {
            for &b in population.members_of(to_class) {
                let to = self.single(b);
                for from_class in flows.sources() {
                    for &a in population.members_of(from_class) {
                        if a == b || population.on_one_host(a, b) != flows.local {
                            continue;
                        }
                        let from = self.single(a);
                        lines.iter().try_for_each(|line| self.line(&from, &to, line, flows.certain, 1))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// One set of flows between classes and addresses outside.
    pub(crate) fn outside(&mut self, flows: &OutsideFlows, inbound: bool) -> io::Result<()> {
        let family = if flows.addresses.has_family(Family::V4) { Family::V4 } else { Family::V6 };
        let headers = self.compiled.headers.get(flows.headers).intersect(self.wanted);
        let lines = ports(&headers, &self.compiled.headers.get(flows.back), family);
        if lines.is_empty() {
            return Ok(());
        }
        if self.unit == Unit::Class {
            let outside = self.name_outside(&flows.addresses)?;
            let inside = self.name(&flows.classes)?;
            let (from, to) = if inbound { (&outside, &inside) } else { (&inside, &outside) };
            return lines.iter().try_for_each(|line| self.line(from, to, line, flows.certain, flows.pairs));
        }
        let nets: Vec<String> = flows.addresses.cidrs().iter().map(ToString::to_string).collect();
        let value = Value::Array(nets.iter().map(|net| json!({"cidr": net})).collect());
        let outside = End::Single(value, nets.join(" "));
        let population = self.population;
        for &class in &flows.classes {
            for &member in population.members_of(class) {
                let inside = self.single(member);
                let (from, to) = if inbound { (&outside, &inside) } else { (&inside, &outside) };
                lines.iter().try_for_each(|line| self.line(from, to, line, flows.certain, 1))?;
            }
        }
        Ok(())
    }

    fn line(&mut self, from: &End, to: &End, ports: &Rectangle, certain: bool, pairs: u64) -> io::Result<()> {
        let state = if certain { "reachable" } else { "unknown" };
        self.flows += 1;
        if matches!(self.format, MatrixFormat::Csv | MatrixFormat::Text) {
            let text = |text: &Option<String>| quoted(text.as_deref().unwrap_or(""));
            return writeln!(
                self.writer,
                "{},{},{},{},{},{state},{pairs}",
                quoted(&from.cell()),
                quoted(&to.cell()),
                quoted(&ports.protocol),
                text(&ports.ports),
                text(&ports.source_ports)
            );
        }
        if self.format == MatrixFormat::Json {
            writeln!(self.writer, "{}", if self.flows == 1 { "" } else { "," })?;
        }
        write!(
            self.writer,
            "{{\"from\":{},\"to\":{},\"protocol\":{},\"ports\":{},\"source_ports\":{},\"state\":\"{state}\",\"pairs\":{pairs}}}",
            from.json(),
            to.json(),
            json!(ports.protocol),
            json!(ports.ports),
            json!(ports.source_ports),
        )?;
        if self.format == MatrixFormat::Jsonl { self.writer.write_all(b"\n") } else { Ok(()) }
    }

    /// The name of a set of classes; lines that say what it means come first.
    fn name(&mut self, classes: &[Position]) -> io::Result<End> {
        if self.format == MatrixFormat::Jsonl {
            for &class in classes {
                if let Some(told) = self.told.get_mut(class as usize)
                    && !std::mem::replace(told, true)
                {
                    let line = format!("{{\"class\":{class},\"endpoints\":{}}}\n", self.members(class as usize));
                    self.writer.write_all(line.as_bytes())?;
                }
            }
        }
        if let [class] = classes {
            return Ok(End::Numbers(vec![*class as usize]));
        }
        // Sets are named where lines can say what a name means; else they are listed.
        if self.format != MatrixFormat::Jsonl {
            return Ok(End::Numbers(classes.iter().map(|&class| class as usize).collect()));
        }
        let set: IntervalSet<u32> = classes.iter().map(|&class| (class, class)).collect();
        self.set(format!("\"of\":\"{set}\""))
    }

    fn name_outside(&mut self, addresses: &IpSet) -> io::Result<End> {
        let nets: Vec<String> = addresses.cidrs().iter().map(ToString::to_string).collect();
        let value = Value::Array(nets.iter().map(|net| json!({"cidr": net})).collect());
        if self.format != MatrixFormat::Jsonl {
            return Ok(End::Single(value, nets.join(" ")));
        }
        self.set(format!("\"endpoints\":{value}"))
    }

    fn set(&mut self, meaning: String) -> io::Result<End> {
        if let Some(known) = self.sets.get(&meaning) {
            return Ok(End::Numbers(vec![*known]));
        }
        if self.bytes > NAMED {
            self.sets.clear();
            self.bytes = 0;
        }
        let number = self.next;
        self.next += 1;
        writeln!(self.writer, "{{\"class\":{number},{meaning}}}")?;
        self.bytes += meaning.len();
        self.sets.insert(meaning, number);
        Ok(End::Numbers(vec![number]))
    }

    fn members(&self, class: usize) -> Value {
        let members = self.population.members_of(u32::try_from(class).unwrap_or(u32::MAX));
        Value::Array(members.iter().filter_map(|&member| self.endpoint(member)).collect())
    }

    fn endpoint(&self, member: Position) -> Option<Value> {
        let network = self.compiled.network();
        let member = self.population.members().get(member as usize)?;
        let eni = network.interfaces.get(member.interface).id.as_str();
        let whole = member.net.prefix_len() == member.net.max_prefix_len();
        let place = if whole { "ip" } else { "cidr" };
        let mut value = json!({"eni": eni, place: printed(member.net)});
        let endpoint = Endpoint::address(member.interface, member.address());
        if let (Some(name), Some(map)) = (explain::endpoint_name(network, &endpoint), value.as_object_mut()) {
            map.insert("name".to_owned(), name.into());
        }
        Some(value)
    }

    fn single(&self, member: Position) -> End {
        let network = self.compiled.network();
        let cell = self.population.members().get(member as usize).map_or_else(String::new, |member| {
            format!("{}/{}", network.interfaces.get(member.interface).id, printed(member.net))
        });
        End::Single(Value::Array(self.endpoint(member).into_iter().collect()), cell)
    }
}

impl End {
    fn json(&self) -> Value {
        match self {
            End::Numbers(numbers) => Value::Array(numbers.iter().map(|number| json!({"class": number})).collect()),
            End::Single(value, _) => value.clone(),
        }
    }

    fn cell(&self) -> String {
        match self {
            End::Numbers(numbers) => {
                let word = |number: &usize| u32::try_from(*number).unwrap_or(u32::MAX);
                let set: IntervalSet<u32> = numbers.iter().map(|number| (word(number), word(number))).collect();
                set.to_string()
            }
            End::Single(_, cell) => cell.clone(),
        }
    }
}

/// An address without its length, or a prefix.
fn printed(net: ipnet::IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

/// A cell of CSV (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// The matrix in a few lines, for people.
pub(crate) struct Summary {
    addresses: u64,
    interfaces: usize,
    classes: usize,
    pairs: u64,
    sets: usize,
    reachable: u64,
    unknown: u64,
    from_internet: u64,
    to_internet: u64,
}

impl Summary {
    pub(crate) fn new(network: &Network, population: &Population) -> Self {
        let (mut pairs, mut both) = (0, 0);
        for family in [Family::V4, Family::V6] {
            let (mut sources, mut destinations) = (0_u64, 0_u64);
            for member in 0..population.members().len() {
                let class = population.class_of(u32::try_from(member).unwrap_or(u32::MAX));
                let place = population.classes().get(class as usize).map(|class| class.place);
                let Some(place) = place.and_then(|place| population.places().get(place as usize)) else { continue };
                if place.family == family {
                    sources += u64::from(place.role.source);
                    destinations += u64::from(place.role.destination);
                    both += u64::from(place.role.source && place.role.destination);
                }
            }
            pairs += sources * destinations;
        }
        Self {
            addresses: population.members().len() as u64,
            interfaces: network.interfaces.len(),
            classes: population.classes().len(),
            pairs: pairs - both,
            sets: 0,
            reachable: 0,
            unknown: 0,
            from_internet: 0,
            to_internet: 0,
        }
    }

    pub(crate) fn add(&mut self, sets: usize, (reachable, unknown): (u64, u64)) {
        self.sets += sets;
        self.reachable += reachable;
        self.unknown += unknown;
    }

    pub(crate) fn outside<'f>(&mut self, inbound: bool, flows: impl Iterator<Item = &'f OutsideFlows>) {
        let mut last: Option<&[Position]> = None;
        let mut count = 0;
        let mut sets = 0;
        for flows in flows {
            sets += 1;
            // Flows of the same classes stand together.
            if last != Some(&flows.classes) {
                count += flows.pairs;
                last = Some(&flows.classes);
            }
        }
        self.sets += sets;
        if inbound {
            self.from_internet = count;
        } else {
            self.to_internet = count;
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let share = |part: u64| {
            let share = if self.pairs == 0 { 0 } else { u128::from(part) * 1000 / u128::from(self.pairs) };
            format!("{}.{} %", share / 10, share % 10)
        };
        let interfaces = number(self.interfaces as u64);
        let _ = writeln!(
            text,
            "{} addresses of {interfaces} network interfaces, in {} classes that nothing tells apart\n",
            number(self.addresses),
            number(self.classes as u64)
        );
        let mut row = |label: &str, value: String| {
            let _ = writeln!(text, "{label:<24}{value:>20}");
        };
        row("pairs of addresses", number(self.pairs));
        row("  something passes", format!("{} ({})", number(self.reachable), share(self.reachable)));
        row("  unknown whether", format!("{} ({})", number(self.unknown), share(self.unknown)));
        row("reached from outside", number(self.from_internet));
        row("reach the outside", number(self.to_internet));
        row("disjoint sets of flows", number(self.sets as u64));
        text.push_str("\n`--output jsonl` lists them; `--group eni` lists single addresses.\n");
        text
    }
}

/// Digits in groups of three.
fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
