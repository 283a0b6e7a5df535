//! Every pair of classes that a change can touch, compared on two of their members.

use indexmap::IndexMap;
use rayon::prelude::*;
use reach_packets::{Family, PortSet};
use rustc_hash::FxHashMap;

use super::State;
use super::ends::{Class, Ends, Party, PartyId};
use super::fate::Fate;
use super::region::{Common, Judged, Rect, When};
use crate::compile::acls::Passes;
use crate::compile::headers::{Algebra, HeaderId, Headers};
use crate::compile::link::{Link, LinkId, Links, Worth, possible_in};
use crate::compile::population::{Member, Population};
use crate::compile::{Aim, Source};

/// Which list a set of flows goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Category {
    Gained,
    Lost,
    Undecided,
    Cut,
    Survives(Option<u32>),
    Uncertain,
}

/// What happens to the flows of two ends.
pub(super) type Outcome = Vec<(Category, Vec<Rect>)>;

/// Two classes, and whether one kernel delivers between the members that are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Pair {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) local: bool,
}

/// A link of either network, in numbers of the common table.
type LinkValue = (Passes, Passes, Option<Worth>, Option<Worth>);

/// What one thread works with.
pub(super) struct Bench<'b, 'n> {
    before: &'b State<'n>,
    after: &'b State<'n>,
    old: Algebra<'b>,
    new: Algebra<'b>,
    pub(super) common: Common<'b>,
}

impl<'b, 'n> Bench<'b, 'n> {
    pub(super) fn new(before: &'b State<'n>, after: &'b State<'n>, headers: &'b Headers) -> Self {
        let (old, new) = (before.compiled.algebra(), after.compiled.algebra());
        Self { before, after, old, new, common: Common::new(headers) }
    }

    /// What happens between two ends; `None` where an end is missing before or after.
    pub(super) fn outcome(
        &mut self,
        before: Option<(Source, Aim<'n>)>,
        after: Option<(Source, Aim<'n>)>,
        family: Family,
    ) -> Outcome {
        let was: Vec<Judged> = match before {
            Some((source, aim)) => {
                let flows = self.before.compiled.flows(source, aim, &mut self.old);
                self.common.rects(When::Before, &self.before.compiled.headers, flows)
            }
            None => Vec::new(),
        };
        let is: Vec<Judged> = match after {
            Some((source, aim)) => {
                let flows = self.after.compiled.flows(source, aim, &mut self.new);
                self.common.rects(When::After, &self.after.compiled.headers, flows)
            }
            None => Vec::new(),
        };
        let compared = self.common.compare(&was, &is);
        let mut outcome: Outcome = Vec::new();
        let mut fates: Vec<(Fate, Vec<Rect>)> = Vec::new();
        if let (false, Some((source, aim))) = (compared.was.is_empty(), before) {
            fates = match after {
                // CT-16: an end is gone.
                None => vec![(Fate::Cut, compared.was)],
                Some((there, target)) => {
                    let old = self.before.compiled.courses(source, aim, &mut self.old);
                    let new = self.after.compiled.courses(there, target, &mut self.new);
                    let old = self.common.courses(When::Before, &self.before.compiled.headers, old);
                    let new = self.common.courses(When::After, &self.after.compiled.headers, new);
                    self.common.fates(&old, &new, &compared.was)
                }
            };
        }
        let mut uncertain: Vec<Rect> = Vec::new();
        for (fate, list) in fates {
            match fate {
                Fate::Unaffected => {
                    // What cannot be made again is not unaffected, whoever misjudged it.
                    uncertain.extend(self.common.divide(&list, &compared.lost).0);
                }
                Fate::Unknown => uncertain.extend(list),
                Fate::Cut => outcome.push((Category::Cut, list)),
                Fate::Survives(idle) => outcome.push((Category::Survives(idle), list)),
            }
        }
        let uncertain = self.common.joined(uncertain);
        outcome.extend([
            (Category::Gained, compared.gained),
            (Category::Lost, compared.lost),
            (Category::Undecided, compared.undecided),
            (Category::Uncertain, uncertain),
        ]);
        outcome.retain(|(_, list)| !list.is_empty());
        for (_, list) in &mut outcome {
            self.whole(list, family);
        }
        outcome.sort();
        outcome
    }

    /// Where a list holds everything that packets of the family can be, it is one rectangle.
    fn whole(&mut self, list: &mut Vec<Rect>, family: Family) {
        let mut all = HeaderId::EMPTY;
        for &(d, s) in list.iter() {
            let (lane, has_ports) = self.common.lane_of(d);
            let full = !has_ports || self.common.algebra.is_subset(lane, s);
            if !full {
                return;
            }
            all = self.common.algebra.union(all, d);
        }
        if all == self.common.algebra.intern(possible_in(family)) {
            *list = vec![(all, HeaderId::ALL)];
        }
    }

    fn pair(&mut self, a: &Party, b: &Party) -> Outcome {
        let ends = |a: Option<Member>, b: Option<Member>| {
            let (a, b) = (a?, b?);
            let aim = Aim { address: b.address(), interface: Some(b.interface), admission: None };
            Some((Source::Interface(a.interface, a.address()), aim))
        };
        let family = a.net().map_or(Family::V4, |net| Family::of(net.addr()));
        self.outcome(ends(a.before, b.before), ends(a.after, b.after), family)
    }
}

/// The links of one side by number, as values that compare with the other side's.
fn values(links: &Links, headers: &Headers, when: When, common: &mut Common<'_>) -> Vec<LinkValue> {
    let mut values = Vec::with_capacity(links.len());
    for position in 0..links.len() {
        let Link { forward, back, egress, ingress } = *links.at(position);
        let mut take = |passes: Passes| Passes {
            must: common.take(when, headers, passes.must),
            may: common.take(when, headers, passes.may),
        };
        values.push((take(forward), take(back), egress, ingress));
    }
    values
}

/// Every pair of classes between which something happens, with what happens. Without links of the network after, nothing but
/// groups differs.
pub(super) fn compared(
    (before, old, old_links): (&State<'_>, &Population, &Links),
    (after, new, new_links): (&State<'_>, &Population, Option<&Links>),
    ends: &Ends,
    headers: &Headers,
) -> Vec<(Pair, Outcome)> {
    let mut common = Common::new(headers);
    let values_of = |links: Option<&Links>, headers: &Headers, when: When, common: &mut Common<'_>| {
        links.map_or_else(Vec::new, |links| values(links, headers, when, common))
    };
    let was = values_of(new_links.and(Some(old_links)), &before.compiled.headers, When::Before, &mut common);
    let is = values_of(new_links, &after.compiled.headers, When::After, &mut common);
    let place = |population: &Population, class: Option<u32>| {
        class.and_then(|class| population.classes().get(class as usize)).map(|class| class.place)
    };
    let places: Vec<(Option<u32>, Option<u32>)> =
        ends.classes.iter().map(|class| (place(old, class.before), place(new, class.after))).collect();
    let link = |links: &Links, from: Option<u32>, to: Option<u32>| match (from, to) {
        (Some(from), Some(to)) => links.between(from, to),
        _ => LinkId::DEAD,
    };
    let touched = |(from, a): (&Class, &(Option<u32>, Option<u32>)), (to, b): (&Class, &(Option<u32>, Option<u32>))| {
        if from.family != to.family {
            return false;
        }
        let x = link(old_links, a.0, b.0);
        let Some(new_links) = new_links else {
            return (from.changed || to.changed) && x != LinkId::DEAD;
        };
        let y = link(new_links, a.1, b.1);
        if x == LinkId::SPECIAL || y == LinkId::SPECIAL {
            return true;
        }
        if x == LinkId::DEAD && y == LinkId::DEAD {
            return false;
        }
        from.changed || to.changed || was.get(x.position()) != is.get(y.position())
    };
    let mut found: Vec<(Pair, Outcome)> = (0..ends.classes.len())
        .into_par_iter()
        .map_init(
            || Bench::new(before, after, headers),
            |bench, number| {
                let mut found = Vec::new();
                let (Some(from), Some(here)) = (ends.classes.get(number), places.get(number)) else { return found };
                for (other, (to, there)) in (0..).zip(ends.classes.iter().zip(&places)) {
                    if !touched((from, here), (to, there)) {
                        continue;
                    }
                    let Some((a, b)) = ends.apart(from, to) else { continue };
                    let (Some(a), Some(b)) = (ends.party(a), ends.party(b)) else { continue };
                    let outcome = bench.pair(a, b);
                    if !outcome.is_empty() {
                        let from = u32::try_from(number).unwrap_or(u32::MAX);
                        found.push((Pair { from, to: other, local: false }, outcome));
                    }
                }
                found
            },
        )
        .flatten()
        .collect();
    // What kernels deliver themselves.
    let mut local: IndexMap<Pair, (PartyId, PartyId)> = IndexMap::new();
    for unit in &ends.shared {
        let mut by_class: FxHashMap<u32, Vec<PartyId>> = FxHashMap::default();
        for &party in unit {
            by_class.entry(ends.class_of.get(party as usize).copied().unwrap_or(0)).or_default().push(party);
        }
        let mut by_class: Vec<(u32, Vec<PartyId>)> = by_class.into_iter().collect();
        by_class.sort_unstable();
        for (from, sources) in &by_class {
            for (to, destinations) in &by_class {
                let pair = Pair { from: *from, to: *to, local: true };
                let mut ends = sources.iter().flat_map(|a| destinations.iter().map(move |b| (*a, *b)));
                if let Some(sample) = ends.find(|(a, b)| a != b) {
                    local.entry(pair).or_insert(sample);
                }
            }
        }
    }
    if new_links.is_none() {
        let changed = |class: u32| ends.classes.get(class as usize).is_none_or(|class| class.changed);
        local.retain(|pair, _| changed(pair.from) || changed(pair.to));
    }
    let local: Vec<(Pair, (PartyId, PartyId))> = local.into_iter().collect();
    let outcomes: Vec<(Pair, Outcome)> = local
        .into_par_iter()
        .map_init(
            || Bench::new(before, after, headers),
            |bench, (pair, (a, b))| {
                let (a, b) = (ends.party(a)?, ends.party(b)?);
                let outcome = if a.net().map(|n| n.addr().is_ipv4()) == b.net().map(|n| n.addr().is_ipv4()) {
                    bench.pair(a, b)
                } else {
                    Vec::new()
                };
                (!outcome.is_empty()).then_some((pair, outcome))
            },
        )
        .flatten()
        .collect();
    found.extend(outcomes);
    found
}

/// The headers of a rectangle as a set, and its client ports.
pub(super) fn sets(headers: &Headers, (d, s): Rect) -> (PortSet, PortSet) {
    (headers.get(d).as_ref().clone(), headers.get(s).as_ref().clone())
}
