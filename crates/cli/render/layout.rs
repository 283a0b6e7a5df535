//! Styled text in lines of a bounded width.
//!
//! Styles are written as they are wanted; standard output drops them where they cannot be shown. Nothing is told by
//! style alone.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal as _};

use anstyle::{AnsiColor, Effects, Style};
use reach_engine::Verdict;

/// The width of text that is not written to a terminal.
pub(crate) const DEFAULT_WIDTH: usize = 100;

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().effects(Effects::DIMMED);

/// The style of a verdict.
pub(crate) const fn verdict(verdict: Verdict) -> Style {
    let color = match verdict {
        Verdict::Reachable => AnsiColor::Green,
        Verdict::Blocked => AnsiColor::Red,
        Verdict::Partial => AnsiColor::Yellow,
        Verdict::Unknown => AnsiColor::Magenta,
    };
    color.on_default().bold()
}

/// The width of the terminal, bounded to what can be read; a hundred columns where there is none.
pub(crate) fn width() -> usize {
    if !io::stdout().is_terminal() {
        return DEFAULT_WIDTH;
    }
    let columns = terminal_size::terminal_size().map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0));
    columns.clamp(60, 120)
}

/// A piece of text in one style.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    text: String,
    style: Style,
    /// Whether it is kept on one line: commands are copied from the screen.
    solid: bool,
}

/// Text in a style, broken between words where the line ends.
pub(crate) fn span(style: Style, text: impl fmt::Display) -> Span {
    Span { text: printable(&text.to_string()), style, solid: false }
}

/// Text that is never broken.
pub(crate) fn solid(style: Style, text: impl fmt::Display) -> Span {
    Span { text: printable(&text.to_string()), style, solid: true }
}

/// Names come from tags, and a tag may hold anything: control characters must not reach the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// Lines of text.
#[derive(Debug)]
pub(crate) struct Page {
    text: String,
    width: usize,
}

impl Page {
    pub(crate) fn new(width: usize) -> Self {
        Self { text: String::new(), width }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// An empty line.
    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A paragraph: `label` in the first line's margin, which is `margin` columns wide for all lines.
    pub(crate) fn paragraph(&mut self, margin: usize, label: &Span, spans: &[Span]) {
        let mut label = label.clone();
        if label.text.trim().is_empty() {
            label.style = PLAIN;
        }
        let mut column = count(&label.text);
        self.styled(label.style, &label.text);
        self.pad(margin.saturating_sub(column));
        column = column.max(margin);
        let mut start = true;
        for span in spans {
            let whole = [span.text.as_str()];
            let words: Vec<&str> = if span.solid {
                whole.to_vec()
            } else {
                span.text.split(' ').filter(|word| !word.is_empty()).collect()
            };
            let mut pending = String::new();
            for word in words {
                let length = count(word);
                if !start && column + 1 + length > self.width {
                    self.styled(span.style, &pending);
                    pending.clear();
                    self.text.push('\n');
                    self.pad(margin);
                    column = margin;
                    start = true;
                }
                if !start {
                    // The space between two spans has no style.
                    let line = if pending.is_empty() { &mut self.text } else { &mut pending };
                    line.push(' ');
                    column += 1;
                }
                pending.push_str(word);
                column += length;
                start = false;
            }
            self.styled(span.style, &pending);
        }
        while self.text.ends_with(' ') {
            self.text.pop();
        }
        self.text.push('\n');
    }

    fn pad(&mut self, columns: usize) {
        self.text.extend(std::iter::repeat_n(' ', columns));
    }

    fn styled(&mut self, style: Style, text: &str) {
        if text.is_empty() {
            return;
        }
        if style == PLAIN {
            self.text.push_str(text);
        } else {
            // Writing to a string does not fail.
            let _ = write!(self.text, "{style}{text}{style:#}");
        }
    }

    /// Rows of cells in aligned columns; the last column is broken where the line ends.
    pub(crate) fn table(&mut self, indent: usize, rows: &[Vec<Span>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns.saturating_sub(1))
            .map(|column| {
                rows.iter().filter_map(|row| row.get(column)).map(|cell| count(&cell.text)).max().unwrap_or(0)
            })
            .collect();
        for row in rows {
            let Some((last, cells)) = row.split_last() else { continue };
            self.pad(indent);
            let mut margin = indent;
            for (cell, width) in cells.iter().zip(&widths) {
                self.styled(cell.style, &cell.text);
                self.pad(width + 2 - count(&cell.text).min(*width));
                margin += width + 2;
            }
            let mut rest = Page::new(self.width);
            rest.paragraph(margin, &span(PLAIN, ""), std::slice::from_ref(last));
            let line = rest.into_text();
            self.text.push_str(line.get(margin..).unwrap_or("\n"));
            self.trim();
        }
    }

    /// Removes spaces before the last line break.
    fn trim(&mut self) {
        if self.text.ends_with('\n') {
            self.text.pop();
            while self.text.ends_with(' ') {
                self.text.pop();
            }
            self.text.push('\n');
        }
    }
}

fn count(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_wrap_behind_the_margin() {
        let mut page = Page::new(20);
        page.paragraph(6, &span(PLAIN, "why"), &[span(PLAIN, "one two three four"), span(PLAIN, "five")]);
        assert_eq!(page.into_text(), "why   one two three\n      four five\n");
    }

    #[test]
    fn styles_take_no_room_and_commands_stay_whole() {
        let mut page = Page::new(20);
        page.paragraph(2, &span(BOLD, ""), &[span(DIM, "aaaa bbbb"), solid(BOLD, "a long command")]);
        assert_eq!(page.into_text(), "  \u{1b}[2maaaa bbbb\u{1b}[0m\n  \u{1b}[1ma long command\u{1b}[0m\n");
    }

    #[test]
    fn columns_are_aligned() {
        let mut page = Page::new(25);
        let row = |a, b, c| vec![span(PLAIN, a), span(PLAIN, b), span(PLAIN, c)];
        page.table(2, &[row("sg", "allowed", "one two three"), row("route", "", "")]);
        assert_eq!(page.into_text(), "  sg     allowed  one two\n                  three\n  route\n");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(span(PLAIN, "a\u{1b}[31mb\n").text, "a\u{fffd}[31mb\u{fffd}");
    }
}
