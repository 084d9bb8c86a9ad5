//! `outlay theme`: lists the themes, and makes one from the scheme of another program.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context as _;

use super::Usage;
use super::args::{SchemeKind, ThemeAction};
use super::context::{variable, write_whole};
use super::screen::own_themes;
use crate::config::paths;
use crate::tui::scheme::base16;
use crate::tui::theme::UNICODE;
use crate::tui::{Depth, Themes};

/// Runs it.
pub fn run(action: &ThemeAction) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match action {
        ThemeAction::List => {
            let (themes, faults) = Themes::new(Depth::True, UNICODE, &own_themes());
            for name in themes.names() {
                writeln!(out, "{name}")?;
            }
            for fault in faults {
                writeln!(out, "! {fault}")?;
            }
        }
        ThemeAction::Import { kind: SchemeKind::Base16, file } => {
            let shown = file.display();
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
            let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or("imported");
            let (name, text) = base16(&text, stem).map_err(|why| Usage(format!("{shown}: {why}")))?;
            let folder = paths::config_dir(&variable)
                .ok_or_else(|| anyhow::anyhow!("no place for themes: {}", paths::NO_HOME))?;
            let path = folder.join("themes").join(format!("{name}.toml"));
            if path.exists() {
                anyhow::bail!("{} is there already: move it away first", path.display());
            }
            write_whole(&path, &text)?;
            writeln!(out, "wrote {}: `outlay --theme {name}` shows it, `t` keeps it", path.display())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
