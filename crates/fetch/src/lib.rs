//! Asks AWS for a snapshot: the read-only calls of the call table, every page, for accounts and Regions.
//!
//! The only crate that knows the AWS SDK. The SDK resolves credentials and endpoints, signs, sends and times
//! out; `collect` sends again what may yet be answered, within the rate budget. What AWS answered is read from the wire (`xml`, `page`) into the shapes that the AWS CLI prints, so that
//! fields which this version of the SDK does not know are kept.
//!
//! ```text
//! Options ─ session ─► places (account × Region) ─ plan ─► asks ─ calls ─► pages ─ answer ─► records of a Document
//!                                                   ▲                          │
//!                                                   └──── ids from answers ────┘
//! ```
//!
//! No answer is ever made up: a call that was refused, failed or was not made is a record that says so, and the analysis
//! answers `unknown` where it matters.

mod answer;
mod calls;
mod collect;
mod fault;
mod pace;
mod page;
mod plan;
mod probe;
mod session;
mod shape;
mod xml;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reach_model::document::{Document, Status};

pub use fault::{Fault, FaultKind};
pub use plan::{Ask, Limits, NOT_MADE, OTHER_SERVICES};

/// What to fetch, from where, as whom.
#[derive(Debug, Clone)]
pub struct Options {
    /// Regions; none: that of the profile or of the environment.
    pub regions: Vec<String>,
    /// A profile of AWS's shared configuration.
    pub profile: Option<String>,
    /// Roles to take on, one account each; none: whoever the credentials are.
    pub roles: Vec<String>,
    /// What the roles' owner wants to be told.
    pub external_id: Option<String>,
    /// VPCs and clusters to stay within.
    pub limits: Limits,
    /// Another place to send every call to.
    pub endpoint_url: Option<String>,
    /// Requests a second, by account, Region and service.
    pub rate: f64,
    /// Elements a page, where fewer than AWS gives are wanted.
    pub page_size: Option<i32>,
    /// How long to wait for an answer before the request is sent again.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            regions: Vec::new(),
            profile: None,
            roles: Vec::new(),
            external_id: None,
            limits: Limits::default(),
            endpoint_url: None,
            rate: 20.0,
            page_size: None,
            timeout: Duration::from_mins(1),
        }
    }
}

/// An account and Region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Twelve digits, where AWS told them.
    pub account: Option<String>,
    /// `eu-west-1`.
    pub region: String,
}

/// What became of one call.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Where it was made.
    pub place: Place,
    /// The call.
    pub ask: Ask,
    /// What the snapshot says of it.
    pub status: Status,
    /// Why it has no answer, or not the whole.
    pub fault: Option<Fault>,
    /// Elements that were read.
    pub elements: usize,
    /// Pages that were read.
    pub pages: u32,
    /// Requests that were sent beyond one a page.
    pub retries: u32,
    /// From the first request to the last answer.
    pub took: Duration,
    /// Elements that were different on two pages; the later one was kept.
    pub changed: Vec<String>,
}

/// What happens, as it happens.
#[derive(Debug)]
pub enum Event<'e> {
    /// Calls to a place begin.
    Place(&'e Place),
    /// A call will be made.
    Planned(&'e Place, &'e Ask),
    /// A page came; so many elements by now.
    Page(&'e Place, &'e Ask, usize),
    /// A call ended.
    Ended(&'e Outcome),
}

/// Is told what happens; from several threads at once.
pub trait Observer: Send + Sync + std::fmt::Debug {
    /// Takes note.
    fn event(&self, event: &Event<'_>);
}

/// A snapshot, and what became of every call.
#[derive(Debug)]
pub struct Fetched {
    /// One record per call, sorted by account, Region, call and arguments.
    pub document: Document,
    /// In the order of the records.
    pub outcomes: Vec<Outcome>,
    /// What the user should know of the run as a whole.
    pub remarks: Vec<String>,
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither options nor environment name a Region.
    #[error("no Region: name one with --region, or set AWS_REGION or a profile's `region`")]
    NoRegion,
    /// There are no credentials, or they cannot be had.
    #[error("no credentials: {0}")]
    Credentials(String),
    /// A cluster or VPC to stay within is nowhere.
    #[error("{0}")]
    NotFound(String),
    /// What is asked for makes no sense together.
    #[error("{0}")]
    Usage(String),
    /// AWS would not tell where the clusters to stay within are.
    #[error("{0}")]
    Refused(String),
    /// No call was answered.
    #[error("nothing could be fetched: none of {} calls was answered", .0.len())]
    Nothing(Vec<Outcome>),
    /// The user or the system asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// The system would not let us work.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

/// Fetches a snapshot. Blocks until every call has an outcome.
///
/// # Errors
///
/// No Region, no credentials, a limit that names nothing, an interruption, or no answer to any call at all. Calls that
/// AWS refuses are no error: they are records of the document.
pub fn fetch(options: &Options, observer: Arc<dyn Observer>) -> Result<Fetched, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        tokio::select! {
            fetched = collect::everything(options, observer) => fetched,
            () = interruption() => Err(Error::Interrupted),
        }
    });
    // Requests that are still out are not waited for.
    runtime.shutdown_background();
    result
}

/// Resolves when the process is asked to end.
async fn interruption() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Listens for requests to end while no calls are under way: tokio's handlers stay when its work is done, and would
/// swallow them.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Starts to listen. The first request is remembered; who writes asks for it between two pieces. Where the writing
    /// itself hangs, as into a pipe that nobody reads, the process ends after a second.
    pub fn listen() -> Self {
        let stop = Self::default();
        let asked = stop.clone();
        std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(interruption());
            asked.0.store(true, Ordering::Relaxed);
            std::thread::sleep(Duration::from_secs(1));
            end();
        });
        stop
    }

    /// Whether the process was asked to end.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[expect(clippy::exit, reason = "a write that hangs cannot be ended in any other way")]
fn end() {
    std::process::exit(130);
}
