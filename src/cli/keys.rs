//! `outlay keys`: makes, shows and takes back the keys of tenants.

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::Usage;
use super::args::{CapFormat, KeysAction};
use super::caps::{author, print};
use super::context::{Context, now};
use crate::domain::call::TenantId;
use crate::domain::scope::KeyId;
use crate::domain::time::Timestamp;
use crate::report::query::parse_when;
use crate::store::guard::{KeyRow, KeyWish};
use crate::store::{Reader, Store};

/// Runs it.
pub fn run(context: &Context, action: &KeysAction) -> anyhow::Result<ExitCode> {
    match action {
        KeysAction::Create { tenant, expires } => create(context, tenant, expires.as_deref()),
        KeysAction::List { format } => list(context, *format),
        KeysAction::Revoke { name } => revoke(context, name),
    }
}

fn create(context: &Context, tenant: &str, expires: Option<&str>) -> anyhow::Result<ExitCode> {
    if tenant.is_empty() {
        return Err(Usage("the tenant has no name".to_owned()).into());
    }
    let author = author(context, None)?;
    let expires =
        expires.map(|text| parse_when(text, &context.calendar, author.at)).transpose().map_err(Usage)?;
    if expires.is_some_and(|end| end <= author.at) {
        return Err(Usage("the key would have ended already: give a later --expires".to_owned()).into());
    }
    let wish = KeyWish { tenant: TenantId::new(tenant), expires, by: author.by, at: author.at };
    let key = Store::open(context.store_path()?)?.create_key(&wish)?;
    writeln!(io::stdout(), "{}", key.reveal())?;
    writeln!(io::stderr(), "key {} of {}: it is shown this once, and kept nowhere", key.name(), wish.tenant)?;
    Ok(ExitCode::SUCCESS)
}

fn list(context: &Context, format: CapFormat) -> anyhow::Result<ExitCode> {
    let path = context.store_path()?;
    let keys = if path.exists() { Reader::open(path)?.keys()? } else { Vec::new() };
    if format == CapFormat::Json {
        print(&json!({ "outlay": 1, "keys": keys.iter().map(row).collect::<Vec<_>>() }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    let at =
        |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| context.calendar.minute_text(at));
    for key in &keys {
        let (created, used) = (at(Some(key.created)), at(key.last_used));
        writeln!(
            out,
            "{:<12} {:<24} {:<8} created {created} by {}, last used {used}, expires {}",
            key.name,
            key.tenant,
            state(key),
            key.by,
            at(key.expires)
        )?;
    }
    if keys.is_empty() {
        writeln!(out, "no keys: make one with `outlay keys create TENANT`")?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn state(key: &KeyRow) -> &'static str {
    match (key.revoked, key.is_active(now())) {
        (Some(_), _) => "revoked",
        (None, true) => "active",
        (None, false) => "expired",
    }
}

fn row(key: &KeyRow) -> Value {
    json!({
        "key": key.name.as_str(), "tenant": key.tenant.as_str(), "state": state(key), "by": key.by.as_str(),
        "created": key.created.millis(), "last_used": key.last_used.map(Timestamp::millis),
        "expires": key.expires.map(Timestamp::millis), "revoked": key.revoked.map(Timestamp::millis),
    })
}

fn revoke(context: &Context, name: &str) -> anyhow::Result<ExitCode> {
    let row = Store::open(context.store_path()?)?.revoke_key(KeyId::new(name), now())?;
    writeln!(io::stdout(), "key {} of {} opens nothing any more", row.name, row.tenant)?;
    Ok(ExitCode::SUCCESS)
}
