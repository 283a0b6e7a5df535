//! What became of a call that has no answer.

use std::time::Duration;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use reach_model::document::Status;

use crate::xml::Broken;

/// Why a call failed, in AWS's code and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What it means for the snapshot.
    pub kind: FaultKind,
    /// AWS's error code; for what never reached AWS, a word of our own (`Timeout`, `Unreachable`, `BrokenAnswer`).
    pub code: String,
    /// What AWS said, or what went wrong on the way.
    pub message: String,
    /// Whether the same request may well be answered a moment later.
    passing: bool,
}

/// What an error means for the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// AWS refused: a permission is missing.
    Denied,
    /// The service or the action is not there, in this Region or at all.
    Absent,
    /// Anything else, after all retries: throttled to the end, out of reach, broken.
    Failed,
}

/// Codes that say that a permission is missing.
const NO_PERMISSION: [&str; 5] =
    ["UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "UnauthorizedException", "NotAuthorized"];

/// Codes that say that these credentials are none.
const NO_CREDENTIALS: [&str; 4] =
    ["AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"];

/// Codes that say that there is no such thing to be called here.
const ABSENT: [&str; 6] = [
    "InvalidAction",
    "UnknownOperationException",
    "UnsupportedOperation",
    "OptInRequired",
    "NotImplemented",
    "UnsupportedAvailabilityZoneException",
];

impl Fault {
    /// Reads the SDK's error.
    pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let whole = || chain(error);
        let (code, message) = match error {
            SdkError::ServiceError(service) => {
                let answer = service.err();
                let status = service.raw().status().as_u16();
                let message = answer.message().map(str::to_owned);
                match (answer.code(), status) {
                    (Some(code), _) => (code.to_owned(), message.unwrap_or_else(|| format!("HTTP status {status}"))),
                    // Success that cannot be read: the body is not what it should be.
                    (None, 200..300) => ("BrokenAnswer".to_owned(), whole()),
                    (None, _) => (format!("Http{status}"), message.unwrap_or_else(|| "no reason given".to_owned())),
                }
            }
            SdkError::TimeoutError(_) => ("Timeout".to_owned(), "no answer in time".to_owned()),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                ("Timeout".to_owned(), "no answer in time".to_owned())
            }
            SdkError::DispatchFailure(_) => ("Unreachable".to_owned(), whole()),
            SdkError::ResponseError(_) => ("BrokenAnswer".to_owned(), whole()),
            _ => ("NotSent".to_owned(), whole()),
        };
        let refused = matches!(error.raw_response().map(|raw| raw.status().as_u16()), Some(401 | 403));
        // Credentials that ran out are told by 403 as well; a permission would not help.
        let expired = code.contains("Expired");
        let no_such_host = code == "Unreachable" && message.contains("dns error");
        let kind = if ABSENT.contains(&&*code) || code == "Http501" || no_such_host {
            FaultKind::Absent
        } else if NO_PERMISSION.contains(&&*code)
            || NO_CREDENTIALS.contains(&&*code)
            || (refused && !expired && !is_throttling(&code))
        {
            FaultKind::Denied
        } else {
            FaultKind::Failed
        };
        let status = error.raw_response().map_or(0, |raw| raw.status().as_u16());
        let on_the_way = matches!(code.as_str(), "Timeout" | "Unreachable" | "BrokenAnswer");
        let passing = is_throttling(&code) || on_the_way || (status >= 500 && status != 501);
        Self { kind, code, message: one_line(&message), passing }
    }

    pub(crate) fn broken(error: &Broken) -> Self {
        Self { passing: true, ..Self::ours("BrokenAnswer", error.to_string()) }
    }

    /// A failure that AWS did not tell.
    fn ours(code: &str, message: String) -> Self {
        Self { kind: FaultKind::Failed, code: code.to_owned(), message, passing: false }
    }

    /// The answer was whole and did not hold what the call is made for.
    pub(crate) fn empty(key: &str) -> Self {
        Self::ours("EmptyAnswer", format!("the answer does not hold `{key}`"))
    }

    /// AWS gave the token of a page once more: following it would never end.
    pub(crate) fn going_in_circles() -> Self {
        Self::ours("RepeatedPageToken", "the token of the next page was given before".to_owned())
    }

    /// A call of the table that nobody makes: a mistake of ours, told as what it is.
    pub(crate) fn unmade() -> Self {
        let message = "this version of reach does not make the call".to_owned();
        Self { kind: FaultKind::Absent, ..Self::ours("NotMade", message) }
    }

    /// Whether the same request may well be answered a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        self.passing
    }

    /// How often a request with this fate is sent at most. What AWS throttles it will answer in time; what is out of reach
    /// or broken five times over is so for long.
    pub(crate) fn attempts(&self) -> u32 {
        if self.is_throttling() { 8 } else { 5 }
    }

    /// How long to wait after so many tries: a random part of 0.25, 0.5, 1, … 20 seconds.
    pub(crate) fn pause(tries: u32) -> Duration {
        let longest = Duration::from_millis(250).saturating_mul(1 << tries.clamp(1, 8).saturating_sub(1));
        longest.min(Duration::from_secs(20)).mul_f64(fastrand::f64())
    }

    /// Whether a permission is missing, which an administrator can give.
    pub fn is_permission(&self) -> bool {
        NO_PERMISSION.contains(&self.code.as_str())
    }

    /// Whether AWS asked us to slow down, until the last retry.
    pub fn is_throttling(&self) -> bool {
        is_throttling(&self.code)
    }

    pub(crate) fn status(&self) -> Status {
        match self.kind {
            FaultKind::Denied => Status::Denied,
            FaultKind::Absent => Status::NotCollected,
            FaultKind::Failed => Status::Failed,
        }
    }
}

fn is_throttling(code: &str) -> bool {
    code.contains("Throttl") || code == "RequestLimitExceeded" || code == "TooManyRequestsException"
}

/// The words of an error and of the errors within it: where a name was not found, who broke the connection. Never what
/// was sent or received.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = one_line(&error.to_string());
        // Many errors repeat what is within them.
        if words.last() != Some(&text) {
            words.push(text);
        }
        next = error.source();
    }
    words.join(": ")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
