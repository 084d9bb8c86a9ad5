//! Prices of the user's own: kept in one file, and on record with who set them, when and why.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context as _, anyhow};

use super::context::{own_price_file, write_whole};
use crate::domain::price::{Price, parse_catalogue, write_catalogue};
use crate::store::Store;
use crate::store::guard::Author;

/// Puts a price into the file, in place of the one of the same model and date; the others stay as they are. The
/// change is on record in the store first; where the file cannot be written, there is no record.
pub fn keep(store: Option<&Path>, price: &Price, old: Option<&Price>, author: &Author) -> anyhow::Result<()> {
    let path = own_price_file().ok_or_else(no_place)?;
    let before = match fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mut own = match &before {
        Some(text) => parse_catalogue(text).map_err(|why| anyhow!("{}: {why}", path.display()))?,
        None => Vec::new(),
    };
    own.retain(|known| {
        (known.provider(), known.model(), known.in_force_since())
            != (price.provider(), price.model(), price.in_force_since())
    });
    own.push(price.clone());
    let text = write_catalogue(&own);
    let Some(store) = store else { return write_whole(&path, &text) };
    let mut write = || write_whole(&path, &text).map_err(|error| format!("{error:#}"));
    let recorded = Store::open(store)?.record_price(price, old, author, &mut write);
    if let Err(error) = recorded {
        // The file may be written and the record not: both or neither.
        match before {
            Some(text) => write_whole(&path, &text)?,
            None => drop(fs::remove_file(&path)),
        }
        return Err(error.into());
    }
    Ok(())
}

/// The environment names no folder for files.
pub fn no_place() -> anyhow::Error {
    anyhow!(
        "there is no place for prices: neither HOME nor XDG_DATA_HOME is set to an absolute path; set one of them"
    )
}
