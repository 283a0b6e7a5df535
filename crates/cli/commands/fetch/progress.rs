//! What a fetch is doing, on standard error: a bar for each account and Region on a terminal, a line for each call with
//! `-v`.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use reach_fetch::{Event, Observer, Place};

use super::report;
use crate::failure::tell;
use crate::load::Voice;

/// Shows what happens.
#[derive(Debug)]
pub(crate) struct Progress {
    /// `-v`: lines instead of bars.
    lines: bool,
    bars: Option<MultiProgress>,
    places: Mutex<BTreeMap<Place, ProgressBar>>,
}

impl Progress {
    pub(crate) fn new(voice: Voice, hidden: bool) -> Self {
        let lines = voice == Voice::Verbose;
        let shown = !hidden && voice == Voice::Normal && std::io::stderr().is_terminal();
        let bars = shown.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));
        Self { lines, bars, places: Mutex::default() }
    }

    /// Takes the bars away: what is said afterwards stands alone.
    pub(crate) fn finish(&self) {
        for bar in self.places.lock().unwrap_or_else(PoisonError::into_inner).values() {
            bar.finish_and_clear();
        }
    }

    fn with(&self, place: &Place, show: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = self.places.lock().unwrap_or_else(PoisonError::into_inner).get(place) {
            show(bar);
        }
    }
}

impl Observer for Progress {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Place(place) => {
                let Some(bars) = &self.bars else { return };
                let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} calls {wide_msg}");
                let bar = bars.add(ProgressBar::new(0));
                if let Ok(style) = style {
                    bar.set_style(style.progress_chars("=> "));
                }
                bar.set_prefix(report::place(place));
                self.places.lock().unwrap_or_else(PoisonError::into_inner).insert((*place).clone(), bar);
            }
            Event::Planned(place, _) => self.with(place, |bar| bar.inc_length(1)),
            Event::Page(place, ask, elements) => {
                self.with(place, |bar| bar.set_message(format!("{} {elements}", ask.call.operation())));
            }
            Event::Ended(outcome) => {
                self.with(&outcome.place, |bar| bar.inc(1));
                if self.lines {
                    tell(&report::line(outcome));
                }
            }
        }
    }
}
