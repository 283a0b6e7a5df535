//! Numbers as people read them: tables and fitted exponents.

/// A table whose first column names the rows.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn row(&mut self, name: &str, cells: impl IntoIterator<Item = String>) {
        let name = std::iter::once(name.to_owned());
        self.rows.push(name.chain(cells).collect());
    }

    /// Aligned text, or a table for the documentation.
    pub(crate) fn print(&self, markdown: bool) {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        for (position, row) in self.rows.iter().enumerate() {
            if markdown {
                println!("| {} |", row.join(" | "));
                if position == 0 {
                    println!("|{}", " --- |".repeat(columns));
                }
                continue;
            }
            let mut cells = row.iter().zip(&widths);
            let name = cells.next().map_or_else(String::new, |(name, &width)| format!("{name:<width$}"));
            let rest: Vec<String> = cells.map(|(cell, &width)| format!("{cell:>width$}")).collect();
            println!("{name}  {}", rest.join("  "));
        }
    }
}

/// Three digits that matter, with a unit.
pub(crate) fn seconds(time: f64) -> String {
    match time {
        _ if time >= 1e4 => format!("{:.1} h", time / 3600.0),
        _ if time >= 1.0 => format!("{time:.2} s"),
        _ if time >= 1e-3 => format!("{:.1} ms", time * 1e3),
        _ if time >= 2e-6 => format!("{:.1} µs", time * 1e6),
        _ => format!("{:.0} ns", time * 1e9),
    }
}

/// A count with a thin mark every three digits.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The least-squares line through the logarithms of points: the exponent, and R².
pub(crate) fn exponent(points: &[(f64, f64)]) -> (f64, f64) {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / logs.iter().map(|_| 1.0).sum::<f64>();
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| logs.iter().map(|p| of(p.0 - x, p.1 - y)).sum::<f64>();
    let (xx, xy, yy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
    (xy / xx, xy * xy / (xx * yy))
}

/// The middle one.
pub(crate) fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
