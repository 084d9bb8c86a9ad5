//! `[[cap]]` and `[[plan]]`: what the file says about spending.

use super::raw::{Item, Table};
use crate::domain::call::TenantId;
use crate::domain::cap::Cap;
use crate::domain::plan::Plan;
use crate::domain::scope::Scope;
use crate::domain::words;

/// One `[[plan]]`, and who is on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanSetting {
    /// The plan.
    pub plan: Plan,
    /// The tenants that the file puts on it.
    pub tenants: Vec<TenantId>,
}

/// Reads one `[[cap]]`; mistakes are noted.
///
/// Its keys are the words of `outlay caps set`: `scope`, `limit`, `mode`, `on_breach`, `warn`, `note`.
pub(super) fn read(table: Table<'_>) -> Option<Cap> {
    let scope = table.text("scope").and_then(|(text, item)| told(&item, Scope::parse(&text)));
    let limit = table.text("limit");
    for (key, missing) in [("scope", table.get("scope").is_none()), ("limit", limit.is_none())] {
        if missing {
            table.error(format!("has no `{key}`"));
        }
    }
    let text = limit.as_ref().map(|(text, _)| text.clone()).unwrap_or_default() + &flags(&table);
    let cap = limit.and_then(|(_, item)| told(&item, Cap::parse_for(scope?, &text)));
    table.refuse_rest(|_| None);
    cap
}

/// Returns what a cap says beside its limit, as flags.
fn flags(table: &Table<'_>) -> String {
    let modes = [("hard", " --hard"), ("soft", " --soft")];
    let mode = table.get("mode").and_then(|item| item.choice(&modes)).unwrap_or_default();
    let on_breach = table.text("on_breach").map(|(told, _)| match told.split_once(':') {
        Some((what, cheaper)) => format!(" --on-breach {what}:{}", words::quote(cheaper)),
        None => format!(" --on-breach {}", words::quote(&told)),
    });
    let warn = table.get("warn").map(|item| match shares(&item).join(",").as_str() {
        "" => " --warn none".to_owned(),
        shares => format!(" --warn {shares}"),
    });
    let note = table.text("note").filter(|(note, _)| !note.is_empty());
    let note = note.map(|(note, _)| format!(" --note {}", words::quote(&note)));
    [Some(mode.to_owned()), on_breach, warn, note].into_iter().flatten().collect()
}

/// Reads one `[[plan]]`; mistakes are noted.
pub(super) fn read_plan(table: Table<'_>) -> Option<PlanSetting> {
    let name = table.text("name").map(|(name, _)| name).filter(|name| !name.is_empty());
    if name.is_none() {
        table.error("has no `name`");
    }
    let caps = table.get("caps").map_or_else(Vec::new, |item| item.texts());
    let rate = table.text("rate").map(|(rate, _)| rate);
    let tenants = table.get("tenants").map_or_else(Vec::new, |item| item.texts());
    let caps: Vec<&str> = caps.iter().map(String::as_str).collect();
    let plan = name.and_then(|name| {
        let plan = Plan::parse(&name, &caps, rate.as_deref());
        plan.map_err(|faults| faults.into_iter().for_each(|fault| table.error(fault))).ok()
    });
    table.refuse_rest(|_| None);
    let tenants = tenants.iter().map(|name| TenantId::new(name)).collect();
    plan.map(|plan| PlanSetting { plan, tenants })
}

fn told<T>(item: &Item<'_>, found: Result<T, String>) -> Option<T> {
    found.map_err(|why| item.error(why)).ok()
}

fn shares(item: &Item<'_>) -> Vec<String> {
    item.items().iter().filter_map(Item::number).collect()
}
