//! What became of a call that has no answer.

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

/// Codes that say that a permission is missing, or that these credentials are none.
const DENIED: [&str; 9] = [
    "UnauthorizedOperation",
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedException",
    "AuthFailure",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "NotAuthorized",
];

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
        } else if DENIED.contains(&&*code) || (refused && !expired && !is_throttling(&code)) {
            FaultKind::Denied
        } else {
            FaultKind::Failed
        };
        Self { kind, code, message: one_line(&message) }
    }

    pub(crate) fn broken(error: &Broken) -> Self {
        Self { kind: FaultKind::Failed, code: "BrokenAnswer".to_owned(), message: error.to_string() }
    }

    /// The answer was whole and did not hold what the call is made for.
    pub(crate) fn empty(key: &str) -> Self {
        Self {
            kind: FaultKind::Failed,
            code: "EmptyAnswer".to_owned(),
            message: format!("the answer does not hold `{key}`"),
        }
    }

    /// AWS gave the token of a page once more: following it would never end.
    pub(crate) fn going_in_circles() -> Self {
        Self {
            kind: FaultKind::Failed,
            code: "RepeatedPageToken".to_owned(),
            message: "the token of the next page was given before".to_owned(),
        }
    }

    /// A call of the table that nobody makes: a mistake of ours, told as what it is.
    pub(crate) fn unmade() -> Self {
        Self {
            kind: FaultKind::Absent,
            code: "NotMade".to_owned(),
            message: "this version of reach does not make the call".to_owned(),
        }
    }

    /// Whether asking once more may help where the SDK does not: an answer that says success and cannot be read.
    pub(crate) fn is_broken(&self) -> bool {
        self.code == "BrokenAnswer"
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
