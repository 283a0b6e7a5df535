//! Rows: who reaches the members of a class, all headers at once.
//!
//! One row is computed per run, a profile whose members the senders' egress CIDRs do not tell apart. For every port group
//! of the run it holds the set of source classes whose groups and the destination's groups both admit it; what lies
//! between two places ([`super::link`]) is then a handful of masks for each destination place. The cost is
//! Σ over runs of groups × operands × classes / 64, plus Σ over (run, place) of groups × links × classes / 64.

use reach_model::network::{Idx, PrefixList};
use reach_packets::Family;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Compiled;
use super::bits::{Mask, Operand, fill, words};
use super::groups::{GroupKey, ProfileId, covers};
use super::headers::{Algebra, HeaderId};
use super::link::{Link, LinkId, Links, Worth};
use super::plan::{Lines, PortGroup};
use super::population::{Population, Position};
use super::trie::Node;

/// Everything that rows are put together from.
#[derive(Debug)]
pub struct Rows<'c, 'n> {
    compiled: &'c Compiled<'n>,
    population: &'c Population,
    links: &'c Links,
    /// Classes that carry a group, by key.
    carriers: Vec<Operand>,
    /// Egress rules that name a group, by key: what they admit, and the classes that have them.
    to_group: Vec<Vec<(HeaderId, Operand)>>,
    to_node: FxHashMap<Node, Vec<(HeaderId, Operand)>>,
    to_list: FxHashMap<Idx<PrefixList>, Vec<(HeaderId, Operand)>>,
    /// Egress rules of which the snapshot does not tell whom they admit: by family, `None` for both.
    to_unknown: Vec<(Option<Family>, HeaderId, Operand)>,
    /// Masks by destination place: source classes by link.
    masks: Vec<Vec<(LinkId, Mask)>>,
    runs: Vec<Run>,
}

/// Destination classes with one profile that the senders' egress CIDRs do not tell apart.
#[derive(Debug, Clone)]
pub struct Run {
    profile: ProfileId,
    family: Family,
    /// The egress rules by address that hold the run's members: nodes and lists.
    nodes: Box<[Node]>,
    lists: Box<[Idx<PrefixList>]>,
    /// By place: the run's classes there.
    places: Vec<(Position, Vec<Position>)>,
}

/// Flows that have everything but their ends in common: source classes × destination classes × D × S.
#[derive(Debug)]
pub struct Term<'t> {
    /// A bit for each source class, from `start` on.
    pub from: &'t [u64],
    /// The position of the first word of `from`.
    pub start: usize,
    /// Destination classes.
    pub to: &'t [Position],
    /// Destination headers (D).
    pub headers: HeaderId,
    /// Client ports, as TCP and UDP headers (S).
    pub back: HeaderId,
    /// Whether they pass for certain; else it is unknown.
    pub certain: bool,
}

/// Buffers of one thread.
#[derive(Debug)]
pub struct Scratch<'h> {
    algebra: Algebra<'h>,
    lines: Lines,
    planes: [Vec<u64>; 6],
    /// Admitted at both ends, references counting: what most links ask for.
    joined: Vec<u64>,
    row: Vec<u64>,
    sure: Vec<u64>,
    /// Words read so far.
    words: u64,
}

impl Scratch<'_> {
    /// How many words all rows so far have read: the operands of their port groups, and the masks of their links.
    pub fn words(&self) -> u64 {
        self.words
    }
}

/// What references are worth at both ends: the planes that a link's rows are made of.
type Combination = (Option<Worth>, Option<Worth>);

fn by_key<K: std::hash::Hash + Eq + Copy>(
    lists: FxHashMap<(K, HeaderId), Vec<u32>>,
    classes: usize,
) -> FxHashMap<K, Vec<(HeaderId, Operand)>> {
    let mut by_key: FxHashMap<K, Vec<(HeaderId, Operand)>> = FxHashMap::default();
    for ((key, headers), mut list) in lists {
        list.sort_unstable();
        by_key.entry(key).or_default().push((headers, Operand::of(&list, classes)));
    }
    // Hash order is nobody's business.
    for list in by_key.values_mut() {
        list.sort_by_key(|(headers, _)| *headers);
    }
    by_key
}

impl<'c, 'n> Rows<'c, 'n> {
    /// Turns profiles around: who has rules that name a group, a node or a list. O(Σ entries of all profiles × their
    /// classes).
    pub fn new(compiled: &'c Compiled<'n>, population: &'c Population, links: &'c Links) -> Self {
        let count = population.classes().len();
        let mut of_profile: Vec<Vec<u32>> = vec![Vec::new(); compiled.groups.profiles().len()];
        for (class, entry) in population.classes().iter().enumerate() {
            if let Some(list) = of_profile.get_mut(entry.profile.position()) {
                list.push(u32::try_from(class).unwrap_or(u32::MAX));
            }
        }
        let mut carriers: Vec<Vec<u32>> = vec![Vec::new(); compiled.groups.keys()];
        let mut to_group: FxHashMap<(GroupKey, HeaderId), Vec<u32>> = FxHashMap::default();
        let mut to_node: FxHashMap<(Node, HeaderId), Vec<u32>> = FxHashMap::default();
        let mut to_list: FxHashMap<(Idx<PrefixList>, HeaderId), Vec<u32>> = FxHashMap::default();
        let mut to_unknown: FxHashMap<(Option<Family>, HeaderId), Vec<u32>> = FxHashMap::default();
        for (profile, classes) in compiled.groups.profiles().iter().zip(&of_profile) {
            if classes.is_empty() {
                continue;
            }
            for key in &profile.groups {
                carriers.get_mut(key.position()).into_iter().for_each(|list| list.extend(classes));
            }
            for &(key, headers) in &profile.egress.peers {
                to_group.entry((key, headers)).or_default().extend(classes);
            }
            for &(node, headers) in &profile.egress.nodes {
                to_node.entry((node, headers)).or_default().extend(classes);
            }
            for &(list, headers) in &profile.egress.lists {
                to_list.entry((list, headers)).or_default().extend(classes);
            }
            for unread in &profile.egress.unread {
                to_unknown.entry((unread.family, unread.headers)).or_default().extend(classes);
            }
            if profile.missing.is_some() {
                to_unknown.entry((None, HeaderId::ALL)).or_default().extend(classes);
            }
        }
        let carriers: Vec<Operand> = carriers
            .into_iter()
            .map(|mut list| {
                list.sort_unstable();
                Operand::of(&list, count)
            })
            .collect();
        let mut by_group = by_key(to_group, count);
        let keys = (0..compiled.groups.keys()).map(|position| compiled.groups.key_at(position));
        let to_group = keys.map(|key| by_group.remove(&key).unwrap_or_default()).collect();
        let mut unknown: Vec<(Option<Family>, HeaderId, Operand)> = by_key(to_unknown, count)
            .into_iter()
            .flat_map(|(family, list)| list.into_iter().map(move |(headers, operand)| (family, headers, operand)))
            .collect();
        unknown.sort_by_key(|(family, headers, _)| (*family, *headers));
        let mut rows = Self {
            compiled,
            population,
            links,
            carriers,
            to_group,
            to_node: by_key(to_node, count),
            to_list: by_key(to_list, count),
            to_unknown: unknown,
            masks: Vec::new(),
            runs: Vec::new(),
        };
        rows.runs = rows.runs_of(&of_profile);
        rows.masks = rows.masks();
        rows
    }

    /// The runs, by profile.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Buffers for one thread.
    pub fn scratch(&self) -> Scratch<'c> {
        let width = words(self.population.classes().len());
        Scratch {
            algebra: self.compiled.algebra(),
            lines: Lines::default(),
            planes: std::array::from_fn(|_| vec![0; width]),
            joined: vec![0; width],
            row: vec![0; width],
            sure: vec![0; width],
            words: 0,
        }
    }

    /// Bytes that the operands and masks hold.
    pub fn bytes(&self) -> usize {
        let lists = self.to_group.iter().chain(self.to_node.values()).chain(self.to_list.values());
        let operands = self.carriers.iter().chain(lists.flatten().map(|(_, operand)| operand));
        let operands: usize = operands.map(|operand| operand.bytes() + size_of::<(HeaderId, Operand)>()).sum();
        operands + self.masks.iter().flatten().map(|(_, mask)| mask.bytes()).sum::<usize>()
    }

    fn runs_of(&self, of_profile: &[Vec<u32>]) -> Vec<Run> {
        type Signature = (Family, Box<[Node]>, Box<[Idx<PrefixList>]>);
        let mut lists: Vec<Idx<PrefixList>> = self.to_list.keys().copied().collect();
        lists.sort_unstable();
        let mut signatures: FxHashMap<Node, Signature> = FxHashMap::default();
        let mut runs: Vec<Run> = Vec::new();
        for (position, classes) in of_profile.iter().enumerate() {
            let first = runs.len();
            let mut known: FxHashMap<Signature, usize> = FxHashMap::default();
            for &class in classes {
                let Some(entry) = self.population.classes().get(class as usize) else { continue };
                let family = self.population.places().get(entry.place as usize).map_or(Family::V4, |p| p.family);
                let signature = signatures.entry(entry.node).or_insert_with(|| {
                    let nodes = self.compiled.trie.ancestors(entry.node).filter(|node| self.to_node.contains_key(node));
                    let own = lists.iter().copied().filter(|list| covers(self.compiled.groups.list(*list), entry.node));
                    (family, nodes.collect(), own.collect())
                });
                let at = *known.entry(signature.clone()).or_insert_with(|| {
                    runs.push(Run {
                        profile: self.compiled.groups.profile_at(position),
                        family,
                        nodes: signature.1.clone(),
                        lists: signature.2.clone(),
                        places: Vec::new(),
                    });
                    runs.len() - 1
                });
                debug_assert!(at >= first);
                if let Some(run) = runs.get_mut(at) {
                    match run.places.iter_mut().find(|(place, _)| *place == entry.place) {
                        Some((_, list)) => list.push(class),
                        None => run.places.push((entry.place, vec![class])),
                    }
                }
            }
        }
        runs
    }

    /// Source classes by link, for each destination place.
    fn masks(&self) -> Vec<Vec<(LinkId, Mask)>> {
        use rayon::prelude::*;
        let count = self.population.classes().len();
        let places: Vec<Position> = (0..u32::try_from(self.population.places().len()).unwrap_or(u32::MAX)).collect();
        places
            .into_par_iter()
            .map(|to| {
                let into = self.links.into(to);
                let mut lists: FxHashMap<LinkId, Vec<u32>> = FxHashMap::default();
                for (class, entry) in self.population.classes().iter().enumerate() {
                    let link = into.get(entry.place as usize).copied().unwrap_or(LinkId::DEAD);
                    if link != LinkId::DEAD {
                        lists.entry(link).or_default().push(u32::try_from(class).unwrap_or(u32::MAX));
                    }
                }
                let mut masks: Vec<(LinkId, Mask)> =
                    lists.into_iter().map(|(link, list)| (link, Mask::of(&list, count))).collect();
                masks.sort_by_key(|(link, _)| *link);
                masks
            })
            .collect()
    }

    /// The source classes whose flows to a place are found pair by pair.
    pub fn special(&self, place: Position) -> Vec<Position> {
        let masks = self.masks.get(place as usize).into_iter().flatten();
        masks.filter(|(link, _)| *link == LinkId::SPECIAL).flat_map(|(_, mask)| mask.ones()).collect()
    }

    /// Computes the rows of a run and hands its terms on, disjoint, in a fixed order. Special links are left out.
    pub fn row(&self, run: &Run, scratch: &mut Scratch<'_>, mut sink: impl FnMut(Term<'_>)) {
        let [ins, outs] = self.parts(run);
        self.spread(run, &ins, &outs, scratch, &mut sink);
    }

    /// How many port groups the rows of a run fall into: the first half of [`Self::row`], which is what there is to decide
    /// before any class is looked at.
    pub fn port_groups(&self, run: &Run, scratch: &mut Scratch<'_>) -> usize {
        let [ins, outs] = self.parts(run);
        self.plan(run, &ins, &outs, &mut scratch.lines).groups.len()
    }

    /// What the rules of both ends of a run's flows admit: those of its own groups, and those that admit to it.
    fn parts(&self, run: &Run) -> [Vec<(HeaderId, Part<'_>)>; 2] {
        let profile = self.compiled.groups.profile(run.profile);
        let mut ins: Vec<(HeaderId, Part<'_>)> = Vec::new();
        for &(key, headers) in &profile.ingress.peers {
            if let Some(operand) = self.carriers.get(key.position()) {
                ins.push((headers, Part::Reference(operand)));
            }
        }
        for &(node, headers) in &profile.ingress.nodes {
            if family_at(self.compiled, node) == run.family {
                ins.push((headers, Part::Nodes(vec![self.compiled.trie.range(node)])));
            }
        }
        for &(list, headers) in &profile.ingress.lists {
            ins.push((headers, Part::Nodes(self.compiled.groups.list(list).to_vec())));
        }
        for unread in &profile.ingress.unread {
            if unread.family.is_none_or(|family| family == run.family) {
                ins.push((unread.headers, Part::Anybody));
            }
        }
        if profile.missing.is_some() {
            ins.push((HeaderId::ALL, Part::Anybody));
        }
        let mut outs: Vec<(HeaderId, Part<'_>)> = Vec::new();
        for key in &profile.groups {
            let own = self.to_group.get(key.position()).into_iter().flatten();
            outs.extend(own.map(|(headers, operand)| (*headers, Part::Reference(operand))));
        }
        let by_node = run.nodes.iter().filter_map(|node| self.to_node.get(node)).flatten();
        let by_list = run.lists.iter().filter_map(|list| self.to_list.get(list)).flatten();
        outs.extend(by_node.chain(by_list).map(|(headers, operand)| (*headers, Part::Plain(operand))));
        let unknown = self.to_unknown.iter().filter(|(family, ..)| family.is_none_or(|family| family == run.family));
        outs.extend(unknown.map(|(_, headers, operand)| (*headers, Part::Doubtful(operand))));
        [ins, outs]
    }

    /// Decides what is computed for a run, and apart from what.
    fn plan(&self, run: &Run, ins: &[(HeaderId, Part<'_>)], outs: &[(HeaderId, Part<'_>)], lines: &mut Lines) -> Plan {
        let mut combinations: FxHashSet<Combination> = FxHashSet::default();
        let mut doubtful = false;
        for (place, _) in &run.places {
            for (link, _) in self.masks.get(*place as usize).into_iter().flatten() {
                if *link != LinkId::SPECIAL {
                    let link = self.links.get(*link);
                    combinations.insert((link.egress, link.ingress));
                    doubtful |= link.is_doubtful();
                }
            }
        }
        // Where one end has no groups, everything passes there.
        let open_in = combinations.iter().any(|(_, ingress)| ingress.is_none());
        let open_out = combinations.iter().any(|(egress, _)| egress.is_none());
        let mut sets: Vec<HeaderId> = ins.iter().chain(outs).map(|(headers, _)| *headers).collect();
        if open_in || open_out {
            sets.push(HeaderId::ALL);
        }
        sets.sort_unstable();
        sets.dedup();
        let at = |headers: HeaderId| sets.binary_search(&headers).unwrap_or(0);
        let mut left = vec![false; sets.len()];
        let mut right = vec![false; sets.len()];
        let mark = |side: &mut Vec<bool>, headers: HeaderId| {
            if let Some(mark) = side.get_mut(at(headers)) {
                *mark = true;
            }
        };
        for (headers, _) in ins {
            mark(&mut left, *headers);
        }
        for (headers, _) in outs {
            mark(&mut right, *headers);
        }
        if open_in {
            mark(&mut left, HeaderId::ALL);
        }
        if open_out {
            mark(&mut right, HeaderId::ALL);
        }
        let groups = lines.groups(&self.compiled.headers, &sets, &left, &right);
        let side = |parts: &'_ [(HeaderId, Part<'_>)]| -> bool { parts.iter().any(|(_, part)| part.is_doubtful()) };
        let needs = Needs {
            unsure: side(ins) || side(outs),
            open_in,
            open_out,
            doubtful,
            apart: combinations.iter().any(|ends| *ends != (Some(Worth::Counts), Some(Worth::Counts))),
        };
        Plan { sets, groups, needs }
    }

    fn spread(
        &self,
        run: &Run,
        ins: &[(HeaderId, Part<'_>)],
        outs: &[(HeaderId, Part<'_>)],
        scratch: &mut Scratch<'_>,
        sink: &mut impl FnMut(Term<'_>),
    ) {
        let Plan { sets, groups, needs } = self.plan(run, ins, outs, &mut scratch.lines);
        let (ins, outs) = (by_set(ins, &sets), by_set(outs, &sets));
        for group in &groups {
            if !self.planes(group, &ins, &outs, needs, scratch) {
                continue;
            }
            for (place, classes) in &run.places {
                for (link, mask) in self.masks.get(*place as usize).into_iter().flatten() {
                    if *link != LinkId::SPECIAL {
                        Self::term(group, (self.links.get(*link), mask), needs, classes, scratch, sink);
                    }
                }
            }
        }
    }

    /// Fills the planes of one port group: who is admitted at both ends and, where some link needs to tell, by what. False
    /// where nobody is, or may be.
    fn planes(
        &self,
        group: &PortGroup,
        ins: &BySet<'_>,
        outs: &BySet<'_>,
        needs: Needs,
        scratch: &mut Scratch<'_>,
    ) -> bool {
        let Scratch { planes, words, .. } = scratch;
        let [in_plain, in_reference, in_doubt, out_plain, out_reference, out_doubt] = planes;
        let some_in = self.plane(group, ins, needs, [in_plain, in_reference, in_doubt], words);
        if !some_in && !needs.open_in {
            return false;
        }
        let some_out = self.plane(group, outs, needs, [out_plain, out_reference, out_doubt], words);
        if !some_out && !needs.open_out {
            return false;
        }
        let any = join(&scratch.planes, needs, &mut scratch.joined);
        // Where every link asks both ends and is sure of what it hears, nobody admitted at both is nothing to say.
        any || needs.apart || needs.unsure || needs.doubtful
    }

    /// Fills the planes of one end; false where they stay empty.
    fn plane(
        &self,
        group: &PortGroup,
        parts: &BySet<'_>,
        needs: Needs,
        [plain, reference, doubt]: [&mut Vec<u64>; 3],
        read: &mut u64,
    ) -> bool {
        *read += plain.len() as u64;
        plain.fill(0);
        if needs.apart || needs.unsure || needs.doubtful {
            reference.fill(0);
            doubt.fill(0);
        }
        let mut some = false;
        for (block, word) in group.held_by.iter().enumerate() {
            let mut word = *word;
            while word != 0 {
                let position = block * 64 + word.trailing_zeros() as usize;
                word &= word - 1;
                for part in parts.of(position) {
                    some = true;
                    *read += part.words(plain.len()) as u64;
                    match part {
                        Part::Reference(operand) if needs.apart => operand.or_into(reference),
                        Part::Plain(operand) | Part::Reference(operand) => operand.or_into(plain),
                        Part::Doubtful(operand) => operand.or_into(doubt),
                        Part::Anybody => doubt.fill(u64::MAX),
                        Part::Nodes(ranges) => {
                            for range in ranges {
                                fill(plain, self.population.classes_in(range.clone()));
                            }
                        }
                    }
                }
            }
        }
        some
    }

    /// One port group over one link: what passes for certain, and what may beside it.
    fn term(
        group: &PortGroup,
        (link, mask): (&Link, &Mask),
        needs: Needs,
        to: &[Position],
        scratch: &mut Scratch<'_>,
        sink: &mut impl FnMut(Term<'_>),
    ) {
        let Scratch { algebra, planes, joined, row, sure, words, .. } = scratch;
        *words += mask.words() as u64;
        let must = algebra.intersect(group.headers, link.forward.must);
        let hull = mask.hull();
        let mut say = |row: &[u64], headers: HeaderId, back: HeaderId, certain: bool| {
            if let Some(from) = row.get(hull.clone()) {
                sink(Term { from, start: hull.start, to, headers, back, certain });
            }
        };
        let doubtful = needs.unsure || link.is_doubtful();
        if must.is_empty() && !doubtful {
            return;
        }
        let counts = Some(Worth::Counts);
        let some = if link.egress == counts && link.ingress == counts {
            mask.write(row, |words, own, out| and(out, own, joined.get(words).unwrap_or_default()))
        } else {
            rows_of(planes, link, false, mask, row)
        };
        if !some && !doubtful {
            return;
        }
        let must = answerable(must, link.back.must, algebra);
        if some && !must.is_empty() {
            say(row, must, link.back.must, true);
        }
        if !doubtful {
            return;
        }
        let may = algebra.intersect(group.headers, link.forward.may);
        let may = answerable(may, link.back.may, algebra);
        if may.is_empty() {
            return;
        }
        // What the groups admit for certain: of that, the headers and client ports that only may pass.
        if some {
            let rest = algebra.subtract(may, must);
            if !rest.is_empty() {
                say(row, rest, link.back.may, false);
            }
            let back = algebra.subtract(link.back.may, link.back.must);
            let ported = super::matrix::ported(must, algebra);
            let ported = if back.is_empty() { HeaderId::EMPTY } else { answerable(ported, back, algebra) };
            if !ported.is_empty() {
                say(row, ported, back, false);
            }
        }
        // What the groups may admit beside it.
        sure.clone_from(row);
        if !some {
            sure.fill(0);
        }
        if rows_of(planes, link, true, mask, row) {
            let mut any = 0;
            for (word, sure) in row.iter_mut().zip(sure.iter()).skip(hull.start).take(hull.len()) {
                *word &= !sure;
                any |= *word;
            }
            if any != 0 {
                say(row, may, link.back.may, false);
            }
        }
    }
}

/// How the rows of a run are computed.
struct Plan {
    /// Every header set that some rule admits, sorted.
    sets: Vec<HeaderId>,
    groups: Vec<PortGroup>,
    needs: Needs,
}

/// What the planes of a run must tell apart.
#[derive(Debug, Clone, Copy)]
struct Needs {
    /// Some rule may admit, and nobody can tell whom.
    unsure: bool,
    /// Over some link something may pass and need not.
    doubtful: bool,
    /// References do not count everywhere.
    apart: bool,
    /// At the destination of some link no groups are asked.
    open_in: bool,
    /// At the source of some link no groups are asked.
    open_out: bool,
}

/// A run's parts by the position of their header set.
struct BySet<'p> {
    parts: Vec<&'p Part<'p>>,
    starts: Vec<u32>,
}

impl<'p> BySet<'p> {
    fn of(&self, position: usize) -> &[&'p Part<'p>] {
        let bound = |at: usize| self.starts.get(at).map_or(self.parts.len(), |&start| start as usize);
        self.parts.get(bound(position)..bound(position + 1)).unwrap_or_default()
    }
}

fn by_set<'p>(parts: &'p [(HeaderId, Part<'p>)], sets: &[HeaderId]) -> BySet<'p> {
    let mut sorted: Vec<(HeaderId, &Part<'p>)> = parts.iter().map(|(headers, part)| (*headers, part)).collect();
    sorted.sort_by_key(|(headers, _)| *headers);
    let starts =
        sets.iter().map(|set| u32::try_from(sorted.partition_point(|(headers, _)| headers < set)).unwrap_or(u32::MAX));
    BySet { starts: starts.collect(), parts: sorted.into_iter().map(|(_, part)| part).collect() }
}

/// What stands for a rule in a row.
enum Part<'r> {
    /// Senders whose rules admit the run's members by address.
    Plain(&'r Operand),
    /// Classes that carry the referenced group, or whose rules reference the run's groups.
    Reference(&'r Operand),
    /// Senders of whom the snapshot does not tell.
    Doubtful(&'r Operand),
    /// Whom the rule admits is unknown.
    Anybody,
    /// Classes by ranges of atoms.
    Nodes(Vec<std::ops::Range<usize>>),
}

impl Part<'_> {
    /// How many words are read or written to add it to a plane of `width` words.
    fn words(&self, width: usize) -> usize {
        match self {
            Part::Plain(operand) | Part::Reference(operand) | Part::Doubtful(operand) => operand.words(),
            Part::Anybody => width,
            Part::Nodes(ranges) => ranges.len(),
        }
    }

    fn is_doubtful(&self) -> bool {
        matches!(self, Part::Doubtful(_) | Part::Anybody)
    }
}

/// Who is admitted at both ends where references count; tells whether anybody is.
fn join(planes: &[Vec<u64>; 6], needs: Needs, joined: &mut [u64]) -> bool {
    let mut any = 0;
    let [in_plain, in_reference, _, out_plain, out_reference, _] = planes;
    if !needs.apart {
        for (word, (a, b)) in joined.iter_mut().zip(in_plain.iter().zip(out_plain)) {
            *word = a & b;
            any |= *word;
        }
        return any != 0;
    }
    let ins = in_plain.iter().zip(in_reference);
    let outs = out_plain.iter().zip(out_reference);
    for (word, ((a, b), (c, d))) in joined.iter_mut().zip(ins.zip(outs)) {
        *word = (a | b) & (c | d);
        any |= *word;
    }
    any != 0
}

/// `out = a & b`.
fn and(out: &mut [u64], a: &[u64], b: &[u64]) {
    out.iter_mut().zip(a.iter().zip(b)).for_each(|(out, (a, b))| *out = a & b);
}

fn family_at(compiled: &Compiled<'_>, node: Node) -> Family {
    compiled.trie.net(node).map_or(Family::V4, |net| Family::of(net.addr()))
}

/// The members of `mask` whose groups admit, at both ends; with `doubt`, those whose groups may. Tells whether there are
/// any.
fn rows_of(planes: &[Vec<u64>; 6], link: &Link, doubt: bool, mask: &Mask, row: &mut [u64]) -> bool {
    let [in_plain, in_reference, in_doubt, out_plain, out_reference, out_doubt] = planes;
    let ends = [(link.ingress, in_plain, in_reference, in_doubt), (link.egress, out_plain, out_reference, out_doubt)];
    mask.write(row, |words, own, out| {
        out.copy_from_slice(own);
        for (worth, plain, reference, unknown) in ends {
            let Some(worth) = worth else { continue };
            let by_reference = worth == Worth::Counts || (doubt && worth == Worth::Unknown);
            for (out, word) in out.iter_mut().zip(words.clone()) {
                let at = |plane: &[u64]| plane.get(word).copied().unwrap_or(0);
                let reference = if by_reference { at(reference) } else { 0 };
                let unknown = if doubt { at(unknown) } else { 0 };
                *out &= at(plain) | reference | unknown;
            }
        }
    })
}

/// Of `headers`, those that an answer can come back to: TCP and UDP need a client port.
pub(super) fn answerable(headers: HeaderId, back: HeaderId, algebra: &mut Algebra<'_>) -> HeaderId {
    if back == HeaderId::ALL {
        return headers;
    }
    let ports = algebra.get(back);
    let mut silent = reach_packets::PortSet::empty();
    if ports.tcp_ports().is_empty() {
        silent = silent.union(&reach_packets::PortSet::tcp(reach_packets::PortRanges::full()));
    }
    if ports.udp_ports().is_empty() {
        silent = silent.union(&reach_packets::PortSet::udp(reach_packets::PortRanges::full()));
    }
    if silent.is_empty() {
        return headers;
    }
    let silent = algebra.intern(silent);
    algebra.subtract(headers, silent)
}
