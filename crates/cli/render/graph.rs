//! The witnesses' paths as a graph: one cluster a group, one node a resource, with ids that are the same on every run.

use std::fmt::Write as _;

use reach_engine::explain;
use reach_engine::question::Group;
use reach_engine::reason::{Outcome, Site, Step};
use reach_model::Network;

use super::Told;
use super::facts;

/// A resource on a path, and what happened there.
struct Node {
    id: String,
    resource: String,
    kind: &'static str,
    /// One line a step.
    steps: Vec<String>,
    worst: Worst,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worst {
    Passes,
    Unknown,
    Blocked,
}

impl Worst {
    fn of(step: &Step) -> Self {
        match step.outcome {
            Outcome::Allowed | Outcome::Tracked => Worst::Passes,
            Outcome::Unknown(_) => Worst::Unknown,
            Outcome::Blocked(_) => Worst::Blocked,
        }
    }
}

/// The nodes of one group's paths and the edges between them; those of the reply are `true`.
struct Drawing {
    title: String,
    nodes: Vec<Node>,
    edges: Vec<(usize, usize, bool)>,
}

fn draw(told: &Told<'_>, number: usize, group: &Group) -> Drawing {
    let answer = &group.answer;
    let noun = if group.pairs == 1 { "pair" } else { "pairs" };
    let flow = answer.witness.map_or_else(String::new, |flow| format!(", {flow}"));
    let title = format!("{}: {} {noun}{flow}", answer.verdict, group.pairs);
    let mut drawing = Drawing { title, nodes: Vec::new(), edges: Vec::new() };
    for (steps, back) in [(&answer.forward_path, false), (&answer.return_path, true)] {
        let mut last: Option<usize> = None;
        for facts::Shown { step, .. } in facts::shown(steps, true) {
            let node = drawing.node(told.network, number, step, back, last);
            if let Some(last) = last.filter(|&last| last != node) {
                let edge = (last, node, back);
                if !drawing.edges.contains(&edge) {
                    drawing.edges.push(edge);
                }
            }
            last = Some(node);
        }
    }
    drawing
}

impl Drawing {
    /// The node of a step, which comes after the node `last`. The ends are one node for both ways; what lies between
    /// them is a node each time that the packet comes by.
    fn node(&mut self, network: &Network, number: usize, step: &Step, back: bool, last: Option<usize>) -> usize {
        let resource = explain::site_id(network, &step.site);
        let is_end = matches!(step.site, Site::Interface(_) | Site::Internet);
        let leg = if back { 'r' } else { 'f' };
        let safe: String = resource.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let id = if is_end {
            format!("g{number}_{safe}")
        } else {
            let own = format!("g{number}_{leg}");
            let visits =
                self.nodes.iter().filter(|node| node.resource == resource && node.id.starts_with(&own)).count();
            let stays = last.and_then(|last| self.nodes.get(last)).is_some_and(|node| node.resource == resource);
            format!("{own}{}_{safe}", if stays { visits } else { visits + 1 })
        };
        let position = self.nodes.iter().position(|node| node.id == id).unwrap_or_else(|| {
            let kind = explain::site_kind(&step.site);
            self.nodes.push(Node { id, resource, kind, steps: Vec::new(), worst: Worst::Passes });
            self.nodes.len() - 1
        });
        if let Some(node) = self.nodes.get_mut(position) {
            let rule =
                step.rule.as_ref().map_or_else(String::new, |rule| format!(" ({})", explain::rule(network, rule)));
            let leg = if back { "reply " } else { "" };
            node.steps.push(format!("{leg}{}: {}{rule}", step.stage.as_str().replace('_', " "), step.outcome.as_str()));
            node.worst = node.worst.max(Worst::of(step));
        }
        position
    }
}

fn title(told: &Told<'_>) -> String {
    let counts = facts::counts(&told.answer.pairs);
    format!("{} -> {}, {}: {}, {counts}", told.from, told.to, facts::traffic(told.asked), told.answer.verdict)
}

/// A Graphviz digraph.
pub(crate) fn dot(told: &Told<'_>) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(out, "digraph reach {{");
    let _ = writeln!(out, "  label={}; labelloc=t; rankdir=LR;", quoted(&[title(told)]));
    let _ = writeln!(out, "  node [shape=box, style=rounded];");
    for (number, group) in told.answer.groups.iter().enumerate() {
        let drawing = draw(told, number + 1, group);
        let _ = writeln!(out, "  subgraph cluster_g{} {{", number + 1);
        let _ = writeln!(out, "    label={};", quoted(std::slice::from_ref(&drawing.title)));
        for node in &drawing.nodes {
            let mut lines = vec![node.resource.clone(), node.kind.replace('_', " ")];
            lines.extend(node.steps.iter().cloned());
            let style = match node.worst {
                Worst::Passes => "",
                Worst::Unknown => ", color=purple, style=\"rounded,dashed\"",
                Worst::Blocked => ", color=red, penwidth=2",
            };
            let _ = writeln!(out, "    {} [label={}{style}];", node.id, quoted(&lines));
        }
        for &(from, to, back) in &drawing.edges {
            if let (Some(from), Some(to)) = (drawing.nodes.get(from), drawing.nodes.get(to)) {
                let style = if back { " [style=dashed]" } else { "" };
                let _ = writeln!(out, "    {} -> {}{style};", from.id, to.id);
            }
        }
        let _ = writeln!(out, "  }}");
    }
    let _ = writeln!(out, "}}");
    out
}

fn quoted(lines: &[String]) -> String {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| {
            line.chars().filter(|c| !c.is_control()).collect::<String>().replace('\\', "\\\\").replace('"', "\\\"")
        })
        .collect();
    format!("\"{}\"", lines.join("\\n"))
}

/// A Mermaid flow chart.
pub(crate) fn mermaid(told: &Told<'_>) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(out, "---\ntitle: {}\n---\nflowchart LR", yaml(&title(told)));
    for (number, group) in told.answer.groups.iter().enumerate() {
        let drawing = draw(told, number + 1, group);
        let _ = writeln!(out, "  subgraph g{}[{}]", number + 1, escaped(std::slice::from_ref(&drawing.title)));
        for node in &drawing.nodes {
            let mut lines = vec![node.resource.clone(), node.kind.replace('_', " ")];
            lines.extend(node.steps.iter().cloned());
            let class = match node.worst {
                Worst::Passes => "",
                Worst::Unknown => ":::unknown",
                Worst::Blocked => ":::blocked",
            };
            let _ = writeln!(out, "    {}[{}]{class}", node.id, escaped(&lines));
        }
        for &(from, to, back) in &drawing.edges {
            if let (Some(from), Some(to)) = (drawing.nodes.get(from), drawing.nodes.get(to)) {
                let arrow = if back { "-.->" } else { "-->" };
                let _ = writeln!(out, "    {} {arrow} {}", from.id, to.id);
            }
        }
        let _ = writeln!(out, "  end");
    }
    let _ = writeln!(out, "  classDef blocked stroke:#c00,stroke-width:3px");
    let _ = writeln!(out, "  classDef unknown stroke:#808,stroke-dasharray:5");
    out
}

fn escaped(lines: &[String]) -> String {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| {
            let line: String = line.chars().filter(|c| !c.is_control()).collect();
            let line = line.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;");
            line.replace("->", "→").replace('>', "#gt;")
        })
        .collect();
    format!("\"{}\"", lines.join("<br>"))
}

fn yaml(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    format!("'{}'", text.replace('\'', "''"))
}
