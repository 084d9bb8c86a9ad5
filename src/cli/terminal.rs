//! What was found out about the terminal, and how the screen is to behave in it.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use super::args::{ColorChoice, ScreenArgs};
use super::context::{Context, variable};
use crate::config::RATES;
use crate::domain::label::printable;
use crate::domain::time::Millis;
use crate::tui::detect::{Color, Found, Wish};
use crate::tui::{Manners, Notice, detect};

/// Finds out what the terminal can.
pub fn found(context: &Context, flags: &ScreenArgs) -> Found {
    let color = match flags.color {
        ColorChoice::Auto => Color::Auto,
        ColorChoice::Always => Color::Always,
        ColorChoice::Never => Color::Never,
    };
    let wish = Wish { glyphs: &context.settings.ui.glyphs, color };
    let mut found = detect(wish, &variable);
    let command = &context.settings.ui.copy_command;
    if let Some(line) =
        found.lines.iter_mut().find(|line| line.starts_with("copies by") && !command.is_empty())
    {
        *line = format!("copies by   {} (ui.copy_command)", printable(&command.join(" "), 80));
    }
    let is = |terminal: bool| if terminal { "a terminal" } else { "no terminal" };
    let (input, output) = (io::stdin().is_terminal(), io::stdout().is_terminal());
    found.lines.push(format!("input       {}", is(input)));
    found.lines.push(format!("output      {}", is(output)));
    found
}

/// Returns how the screen is to behave.
pub fn manners(context: &Context, found: &Found) -> Manners {
    let ui = &context.settings.ui;
    let rate = RATES.iter().find(|rate| rate.0 == ui.max_fps);
    Manners {
        label: ui.env.as_ref().map(|env| env.label.clone()),
        confirm: ui.env.as_ref().map_or_else(Default::default, |env| env.confirm),
        title: ui.title,
        notice: Notice::named(&ui.notify).unwrap_or_default(),
        exit_summary: ui.exit_summary,
        keep_filters: ui.keep_filters,
        mouse: ui.mouse,
        pace: rate.map_or(Millis::new(33), |rate| Millis::new(rate.1)),
        found: found.lines.clone(),
        copy_command: ui.copy_command.clone(),
    }
}

/// Prints what was found out: `outlay doctor --terminal`.
pub fn run(context: &Context, flags: &ScreenArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    for line in found(context, flags).lines {
        writeln!(out, "  {line}")?;
    }
    Ok(ExitCode::SUCCESS)
}
