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
            let path = paths::config_file(&variable)
                .ok_or_else(|| anyhow::anyhow!("no place for the configuration: {}", paths::NO_HOME))?;
            if path.exists() {
                anyhow::bail!("{} is there already: edit it, or move it away first", path.display());
            }
            write_whole(&path, init_text())?;
            writeln!(out, "wrote {}: every line in it is commented out", path.display())?;
        }
        ConfigAction::Path => {
            let paths = [
                ("config", paths::config_file(&variable)),
                ("store", context.settings.store.clone()),
                ("prices", price_file()),
                ("own prices", own_price_file()),
            ];
            for (name, path) in paths {
                let path = path
                    .map_or_else(|| "none: HOME is not set".to_owned(), |path| path.display().to_string());
                writeln!(out, "{name:<11} {path}")?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
