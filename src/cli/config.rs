//! `outlay config`: every setting and where it came from; a starter file; the paths.

use std::io::{self, Write};
use std::process::ExitCode;

use super::args::ConfigAction;
use super::context::{Context, own_price_file, price_file, variable, write_whole};
use crate::config::{init_text, paths};

/// Runs it.
pub fn run(context: &Context, action: &ConfigAction) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match action {
        ConfigAction::Show => {
            for shown in context.settings.shown() {
                writeln!(out, "{:<12} = {}   ({})", shown.key, shown.value, shown.from)?;
            }
        }
        ConfigAction::Init => {
            let path = paths::config_file(&variable);
            if path.exists() {
                anyhow::bail!("{} is there already: edit it, or move it away first", path.display());
            }
            write_whole(&path, init_text())?;
            writeln!(out, "wrote {}: every line in it is commented out", path.display())?;
        }
        ConfigAction::Path => {
            writeln!(out, "config      {}", paths::config_file(&variable).display())?;
            writeln!(out, "store       {}", context.settings.store.display())?;
            writeln!(out, "prices      {}", price_file().display())?;
            writeln!(out, "own prices  {}", own_price_file().display())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
