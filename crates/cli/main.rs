//! `reach`: whether a packet gets through an AWS VPC or EKS cluster, both ways, and why not.
//!
//! The roof of the workspace: arguments, commands and renderers. What AWS does to a packet is the engine's business.

mod args;
mod ask;
mod commands;
mod config;
mod demo;
mod exit;
mod failure;
mod load;
mod output;
mod policy;
mod ports;
mod render;

use std::process;

use anstream::ColorChoice;
use clap::Parser as _;

use args::{Cli, Color, Command};
use config::Config;
use exit::ExitCode;
use load::Voice;
use output::Stop;

fn main() -> process::ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code.into(),
        Err(Stop::BrokenPipe) => ExitCode::Ok.into(),
        Err(Stop::Failure(failure)) => {
            failure.print();
            failure.exit.into()
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, Stop> {
    // What needs no snapshot works beside a broken reach.toml, too.
    let config = Config::load();
    let color = config.as_ref().map_or(cli.global.color.unwrap_or(Color::Auto), |c| c.color(cli.global.color));
    match color {
        // NO_COLOR, CLICOLOR_FORCE and what the terminal can do are looked at where something is written.
        Color::Auto => {}
        Color::Always => ColorChoice::Always.write_global(),
        Color::Never => ColorChoice::Never.write_global(),
    }
    let voice = match (cli.global.quiet, cli.global.verbose) {
        (true, _) => Voice::Quiet,
        (_, true) => Voice::Verbose,
        _ => Voice::Normal,
    };
    match cli.command {
        Command::Query(query) => commands::query::run(&query, &config?, voice),
        Command::Check(check) => commands::check::run(&check, &config?, voice),
        Command::Fix(fix) => commands::fix::run(&fix, &config?, voice),
        Command::Whatif(whatif) => commands::whatif::run(&whatif, &config?, voice),
        Command::Diff(diff) => commands::whatif::diff(&diff, &config?, voice),
        Command::Matrix(matrix) => commands::matrix::run(&matrix, &config?, voice),
        Command::Fetch(fetch) => commands::fetch::run(&fetch, voice),
        Command::Snapshot(command) => commands::snapshot::run(&command, config, voice),
        Command::Generate(generate) => commands::generate::run(&generate, voice),
        Command::Completions { shell } => commands::completions::run(shell),
        Command::Man { directory } => commands::man::run(directory.as_deref()),
    }
}
