//! The run: calls of all places side by side, each page by page, and those that an answer leads to.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

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

/// How often a page that cannot be read is asked for again.
const BROKEN_PAGES: u32 = 3;

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
    while let Some(visit) = visits.join_next().await {
        match visit {
            Ok(Visited::Collected(more)) => done.extend(more),
            Ok(Visited::NotThere(remark)) => elsewhere.push(remark),
            Err(error) => return Err(std::io::Error::other(error).into()),
        }
    }
    elsewhere.sort();
    if done.is_empty() {
        return Err(Error::NotFound(elsewhere.join("; ")));
    }
    remarks.extend(elsewhere);
    done.sort_by(|(one, _), (other, _)| (&one.place, &one.ask).cmp(&(&other.place, &other.ask)));
    absent_services(&mut done);
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

/// A service that cannot be reached at all, beside another that can, is one that the Region does not have.
fn absent_services(done: &mut [(Outcome, Record)]) {
    let answered = done.iter().any(|(outcome, _)| outcome.status == Status::Complete);
    for (outcome, record) in done.iter_mut().filter(|_| answered) {
        if outcome.fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::Absent) {
            outcome.status = Status::NotCollected;
            record.status = Status::NotCollected;
        }
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
    /// What the fetch is limited to is not here.
    NotThere(String),
}

impl Visit {
    async fn collect(mut self) -> Visited {
        self.observer.event(&Event::Place(&self.site.place));
        if let Err(remark) = self.clusters().await {
            return Visited::NotThere(remark);
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

    /// Finds the VPCs of the clusters that the fetch is limited to.
    async fn clusters(&mut self) -> Result<(), String> {
        for name in self.limits.clusters.clone() {
            let ask = plan::describe_cluster(&name);
            let (outcome, record) = self.ask(&ask).await;
            match (record.answer.as_ref().and_then(|answer| plan::vpc_of_cluster(answer.get())), outcome.fault) {
                (Some(vpc), _) => self.limits.vpcs.push(vpc),
                (None, Some(fault)) => {
                    let place = &self.site.place;
                    let account = place.account.as_deref().unwrap_or("an unnamed account");
                    return Err(format!(
                        "cluster `{name}` in {account} {}: {} ({})",
                        place.region, fault.message, fault.code
                    ));
                }
                (None, None) => return Err(format!("cluster `{name}` names no VPC")),
            }
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
        let (mut token, mut pages, mut sent, mut broken) = (None, 0_u32, 0_u32, 0_u32);
        let fault = loop {
            let probe = Probe::default();
            let turn = Turn { token, size: self.page_size, vpcs: &self.limits.vpcs, probe: probe.clone() };
            let page = self.page(ask, &turn).await;
            sent += probe.attempts();
            match page {
                Ok((next, page)) => {
                    pages += 1;
                    broken = 0;
                    assembly.page(page);
                    self.observer.event(&Event::Page(&self.site.place, ask, assembly.len()));
                    match next.filter(|next| !next.is_empty()) {
                        None => break None,
                        Some(next) if !tokens.insert(next.clone()) => break Some(Fault::going_in_circles()),
                        Some(next) => token = Some(next),
                    }
                }
                Err(fault) if fault.is_broken() && broken < BROKEN_PAGES => {
                    broken += 1;
                    token = turn.token;
                    time::sleep(Duration::from_millis(100) * broken).await;
                }
                Err(fault) => break Some(fault),
            }
        };
        let fault = fault.or_else(|| (!assembly.is_answered()).then(|| Fault::empty(ask.call.key())));
        let elements = assembly.len();
        let (answer, changed) = assembly.finish();
        let status = fault.as_ref().map_or(Status::Complete, Fault::status);
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
