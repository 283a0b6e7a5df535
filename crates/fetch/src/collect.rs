//! The run: calls of all places side by side, each page by page, and those that an answer leads to.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use reach_model::api::Call;
use reach_model::document::{Document, Record, Status};
use reach_model::snapshot::Scope;
use rustc_hash::FxHashSet;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time;

use crate::answer::Assembly;
use crate::calls::Turn;
use crate::pace::Pace;
use crate::page::Page;
use crate::plan::{self, Ask, NOT_MADE, OTHER_SERVICES};
use crate::probe::Probe;
use crate::session::{Site, sites};
use crate::shape::Shapes;
use crate::{Error, Event, Fault, FaultKind, Fetched, Limits, Observer, Options, Outcome, page, xml};

/// Calls under way at one time, over all places.
const CALLS_AT_ONCE: usize = 16;

/// Collects everything that `options` ask for.
pub(crate) async fn everything(options: &Options, observer: Arc<dyn Observer>) -> Result<Fetched, Error> {
    let created = Timestamp::now();
    let (sites, mut remarks) = sites(options).await?;
    let gate = Arc::new(Semaphore::new(CALLS_AT_ONCE));
    let mut visits = JoinSet::new();
    for site in sites {
        let visit = Visit {
            site,
            limits: options.limits.clone(),
            page_size: options.page_size,
            paces: Paces::new(options.rate),
            gate: Arc::clone(&gate),
            observer: Arc::clone(&observer),
        };
        visits.spawn(visit.collect());
    }
    let mut done = Vec::new();
    let mut elsewhere = Vec::new();
    let mut refused = false;
    while let Some(visit) = visits.join_next().await {
        match visit {
            Ok(Visited::Collected(more)) => done.extend(more),
            Ok(Visited::NotThere(remark, absent)) => {
                refused |= !absent;
                elsewhere.push(remark);
            }
            Err(error) => return Err(std::io::Error::other(error).into()),
        }
    }
    elsewhere.sort();
    if done.is_empty() {
        let all = elsewhere.join("; ");
        return Err(if refused { Error::Refused(all) } else { Error::NotFound(all) });
    }
    remarks.extend(elsewhere);
    done.sort_by(|(one, _), (other, _)| (&one.place, &one.ask).cmp(&(&other.place, &other.ask)));
    remarks.extend(vpcs_not_found(&options.limits.vpcs, &done)?);
    if done.iter().all(|(outcome, _)| outcome.status != Status::Complete) {
        return Err(Error::Nothing(done.into_iter().map(|(outcome, _)| outcome).collect()));
    }
    let mut document = Document { created: Some(time_text(created).into()), calls: Vec::new() };
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(done.len());
    let mut place = None;
    for (outcome, record) in done {
        if place.as_ref() != Some(&outcome.place) {
            place = Some(outcome.place.clone());
            document.calls.extend(not_made(&scope(&outcome)));
        }
        document.calls.push(record);
        outcomes.push(outcome);
    }
    Ok(Fetched { document, outcomes, remarks })
}

/// The VPCs to stay within that no place has; AWS answers a filter by what is not there with nothing.
fn vpcs_not_found(wanted: &[String], done: &[(Outcome, Record)]) -> Result<Option<String>, Error> {
    let described = || done.iter().filter(|(outcome, _)| outcome.ask.call == Call::DescribeVpcs);
    if wanted.is_empty() || !described().all(|(outcome, _)| outcome.status == Status::Complete) {
        return Ok(None);
    }
    let found: BTreeSet<String> = described()
        .filter_map(|(_, record)| record.answer.as_ref())
        .flat_map(|answer| plan::vpcs(answer.get()))
        .collect();
    let missing: Vec<&str> = wanted.iter().map(String::as_str).filter(|vpc| !found.contains(*vpc)).collect();
    let text = format!("no such VPC where it was looked for: {}", missing.join(", "));
    match missing.len() {
        0 => Ok(None),
        all if all == wanted.len() => Err(Error::NotFound(text)),
        _ => Ok(Some(text)),
    }
}

/// Records for what is not asked: an honest snapshot says so.
fn not_made(scope: &Scope) -> Vec<Record> {
    let mut records: Vec<Record> =
        NOT_MADE.iter().map(|&call| Record::without_answer(Some(call), scope, Status::NotCollected)).collect();
    for call in OTHER_SERVICES {
        let mut record = Record::without_answer(None, scope, Status::NotCollected);
        record.call = Some(call.into());
        records.push(record);
    }
    records
}

fn scope(outcome: &Outcome) -> Scope {
    Scope {
        account: outcome.place.account.as_deref().map(Into::into),
        region: Some(outcome.place.region.as_str().into()),
    }
}

/// One account and Region.
#[derive(Debug)]
struct Visit {
    site: Site,
    limits: Limits,
    page_size: Option<i32>,
    paces: Paces,
    gate: Arc<Semaphore>,
    observer: Arc<dyn Observer>,
}

enum Visited {
    Collected(Vec<(Outcome, Record)>),
    /// What the fetch is limited to is not here: why, and whether AWS says that there is no such thing.
    NotThere(String, bool),
}

impl Visit {
    async fn collect(mut self) -> Visited {
        self.observer.event(&Event::Place(&self.site.place));
        if let Err((remark, absent)) = self.clusters().await {
            return Visited::NotThere(remark, absent);
        }
        let visit = Arc::new(self);
        let mut known: BTreeSet<Ask> = BTreeSet::new();
        let mut calls = JoinSet::new();
        let mut done = Vec::new();
        let mut asks = plan::first(&visit.limits);
        loop {
            for ask in asks.drain(..) {
                if known.insert(ask.clone()) {
                    visit.observer.event(&Event::Planned(&visit.site.place, &ask));
                    calls.spawn(Arc::clone(&visit).call(ask));
                }
            }
            match calls.join_next().await {
                Some(Ok((outcome, record))) => {
                    if let Some(answer) = &record.answer {
                        asks = plan::follow(&outcome.ask, answer.get());
                    }
                    done.push((outcome, record));
                }
                // A call that panicked is a mistake of ours; the others go on, and it has no answer.
                Some(Err(_)) => {}
                None => break,
            }
        }
        Visited::Collected(done)
    }

    /// Finds the VPCs of the clusters that the fetch is limited to; a place need not have all of them.
    async fn clusters(&mut self) -> Result<(), (String, bool)> {
        let names = std::mem::take(&mut self.limits.clusters);
        let (mut reasons, mut all_absent) = (Vec::new(), true);
        for name in names {
            let (outcome, record) = self.ask(&plan::describe_cluster(&name)).await;
            if let Some(vpc) = record.answer.as_ref().and_then(|answer| plan::vpc_of_cluster(answer.get())) {
                self.limits.vpcs.push(vpc);
                self.limits.clusters.push(name);
                continue;
            }
            let place = &self.site.place;
            let account = place.account.as_deref().unwrap_or("an unnamed account");
            let fault = outcome.fault.map_or_else(
                || "it names no VPC".to_owned(),
                |fault| {
                    all_absent &= fault.code == "ResourceNotFoundException" || fault.kind == FaultKind::Absent;
                    format!("{} ({})", fault.message, fault.code)
                },
            );
            reasons.push(format!("cluster `{name}` in {account} {}: {fault}", place.region));
        }
        if self.limits.clusters.is_empty() && !reasons.is_empty() {
            return Err((reasons.join("; "), all_absent));
        }
        self.limits.vpcs.sort();
        self.limits.vpcs.dedup();
        Ok(())
    }

    async fn call(self: Arc<Self>, ask: Ask) -> (Outcome, Record) {
        // The gate is never closed.
        let _permit = self.gate.acquire().await;
        let (outcome, record) = self.ask(&ask).await;
        self.observer.event(&Event::Ended(&outcome));
        (outcome, record)
    }

    /// Reads all pages of a call.
    async fn ask(&self, ask: &Ask) -> (Outcome, Record) {
        let started = (Timestamp::now(), Instant::now());
        let mut assembly = Assembly::new(ask.call);
        let mut tokens: FxHashSet<String> = FxHashSet::default();
        let (mut token, mut pages, mut sent, mut tries) = (None, 0_u32, 0_u32, 0_u32);
        let fault = loop {
            let turn = Turn { token, size: self.page_size, vpcs: &self.limits.vpcs, probe: Probe::default() };
            let page = self.page(ask, &turn).await;
            sent += 1;
            tries += 1;
            match page {
                Ok((next, page)) => {
                    pages += 1;
                    tries = 0;
                    assembly.page(page);
                    self.observer.event(&Event::Page(&self.site.place, ask, assembly.len()));
                    match next.filter(|next| !next.is_empty()) {
                        None => break None,
                        Some(next) if !tokens.insert(next.clone()) => break Some(Fault::going_in_circles()),
                        Some(next) => token = Some(next),
                    }
                }
                Err(fault) if fault.is_passing() && tries < fault.attempts() => {
                    if fault.is_throttling() {
                        self.paces.of(ask.call).drain().await;
                    }
                    time::sleep(Fault::pause(tries)).await;
                    token = turn.token;
                }
                Err(fault) => break Some(fault),
            }
        };
        let fault = fault.or_else(|| (!assembly.is_answered()).then(|| Fault::empty(ask.call.key())));
        let elements = assembly.len();
        // AWS answers a search of routes in part, and says so.
        let whole = if assembly.says_more() { Status::Truncated } else { Status::Complete };
        let (answer, changed) = assembly.finish();
        let status = fault.as_ref().map_or(whole, Fault::status);
        let outcome = Outcome {
            place: self.site.place.clone(),
            ask: ask.clone(),
            status,
            elements,
            pages,
            retries: sent.saturating_sub(pages),
            took: started.1.elapsed(),
            changed,
            fault,
        };
        let mut record = Record::without_answer(Some(ask.call), &scope(&outcome), status);
        record.arguments = ask.arguments.iter().map(|(&name, value)| (name.to_owned(), value.clone())).collect();
        if plan::vpc_filter(ask.call).is_some() {
            record.vpcs = self.limits.vpcs.iter().map(|vpc| vpc.as_str().into()).collect();
        }
        record.error_code = outcome.fault.as_ref().map(|fault| fault.code.as_str().into());
        record.time = Some(time_text(started.0).into());
        record.until = Some(time_text(Timestamp::now()).into());
        record.answer = answer;
        (outcome, record)
    }

    async fn page(&self, ask: &Ask, turn: &Turn<'_>) -> Result<(Option<String>, Page), Fault> {
        let call = ask.call;
        self.paces.of(call).wait().await;
        let next = self.site.clients.page(ask, turn).await?;
        let body = turn.probe.body();
        let read = match call.service() {
            "eks" => page::json(call.key(), &body),
            "elbv2" => xml::page(Shapes::balancing(), &operation(call), call.key(), &body),
            _ => xml::page(Shapes::ec2(), &operation(call), call.key(), &body),
        };
        read.map(|page| (next, page)).map_err(|error| Fault::broken(&error))
    }
}

/// AWS counts by service.
#[derive(Debug)]
struct Paces([Pace; 3]);

impl Paces {
    fn new(rate: f64) -> Self {
        Self([Pace::new(rate), Pace::new(rate), Pace::new(rate)])
    }

    fn of(&self, call: Call) -> &Pace {
        let [ec2, balancing, eks] = &self.0;
        match call.service() {
            "eks" => eks,
            "elbv2" => balancing,
            _ => ec2,
        }
    }
}

/// `describe-vpcs` as the API spells it: `DescribeVpcs`.
fn operation(call: Call) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    call.operation().split('-').map(capital).collect()
}

/// RFC 3339, to the millisecond.
fn time_text(time: Timestamp) -> String {
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Kind;

    #[test]
    fn every_call_has_a_shape() {
        for &call in Call::ALL {
            let shapes = match call.service() {
                "ec2" => Shapes::ec2(),
                "elbv2" => Shapes::balancing(),
                _ => continue,
            };
            assert!(matches!(shapes.answer(&operation(call)), Kind::Shape(_)), "{call}");
        }
    }

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(time_text(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }
}
