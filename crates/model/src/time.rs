//! When the calls of a snapshot were made. They are not made at one moment (M-10): what changed in between may be seen
//! half.

use jiff::Timestamp;
use serde::Serialize;

use crate::aws::Text;

/// More than this between the first and the last call, in seconds, is told: a fetch takes minutes, and rules change by the
/// hour.
pub const LONG_SPAN: i64 = 15 * 60;

/// From the first to the last call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The time of the first call (RFC 3339).
    pub earliest: Text,
    /// The time of the last call.
    pub latest: Text,
    /// How long it took from one to the other.
    pub seconds: i64,
    /// Whether that is more than [`LONG_SPAN`].
    pub long: bool,
}

/// Whether `text` is a time in the form of RFC 3339.
pub(crate) fn is_time(text: &str) -> bool {
    text.parse::<Timestamp>().is_ok()
}

impl Span {
    /// The span of one moment; `None` where `text` is no time.
    pub(crate) fn at(text: &str) -> Option<Self> {
        is_time(text).then(|| Self { earliest: text.into(), latest: text.into(), seconds: 0, long: false })
    }

    /// The span of both.
    #[must_use]
    pub(crate) fn with(self, other: Self) -> Self {
        let moment = |text: &Text| text.parse::<Timestamp>().unwrap_or_default();
        let earliest = if moment(&other.earliest) < moment(&self.earliest) { other.earliest } else { self.earliest };
        let latest = if moment(&other.latest) > moment(&self.latest) { other.latest } else { self.latest };
        let seconds = moment(&latest).as_second() - moment(&earliest).as_second();
        Self { earliest, latest, seconds, long: seconds > LONG_SPAN }
    }

    /// How long it is, in words: `2 h 5 min`, `40 s`.
    pub fn words(&self) -> String {
        let (days, hours, minutes) = (self.seconds / 86_400, self.seconds / 3600 % 24, self.seconds / 60 % 60);
        let seconds = self.seconds % 60;
        let parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")];
        let first = parts.iter().position(|(number, _)| *number > 0).unwrap_or(3);
        // The two greatest are enough; a second one of nothing is not told.
        let parts = parts.into_iter().skip(first).take(2).enumerate();
        let parts = parts.filter(|(position, (number, _))| *position == 0 || *number > 0);
        parts.map(|(_, (number, unit))| format!("{number} {unit}")).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(times: &[&str]) -> Span {
        times.iter().filter_map(|time| Span::at(time)).reduce(Span::with).unwrap()
    }

    #[test]
    fn times_are_compared_as_moments() {
        let span = span(&["2026-11-24T12:00:00Z", "2026-11-24T13:30:00+02:00", "2026-11-24T11:59:10.5Z", "no time"]);
        assert_eq!((&*span.earliest, &*span.latest), ("2026-11-24T13:30:00+02:00", "2026-11-24T12:00:00Z"));
        assert_eq!((span.seconds, span.long), (1800, true));
        assert_eq!(span.words(), "30 min");
    }

    #[test]
    fn fifteen_minutes_are_not_long() {
        let end = |end: &str| span(&["2026-11-24T12:00:00Z", end]);
        assert!(!end("2026-11-24T12:15:00Z").long);
        assert!(end("2026-11-24T12:15:01Z").long);
        assert_eq!(end("2026-11-24T12:00:00Z").words(), "0 s");
        assert_eq!(end("2026-11-24T12:01:05Z").words(), "1 min 5 s");
        assert_eq!(end("2026-11-26T13:00:09Z").words(), "2 d 1 h");
    }
}
