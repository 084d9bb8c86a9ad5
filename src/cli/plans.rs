//! `outlay plans`: which plans there are, and who is on which.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::Usage;
use super::args::{CapFormat, PlansAction};
use super::caps::{author, print, tell};
use super::context::{Context, now};
use crate::domain::call::TenantId;
use crate::domain::cap_book::CapBook;
use crate::domain::scope::{PlanId, Scope};
use crate::store::{Reader, Store};

/// Runs it.
pub fn run(context: &Context, action: &PlansAction) -> anyhow::Result<ExitCode> {
    match action {
        PlansAction::List { format } => list(context, *format),
        PlansAction::Assign { tenant, plan, why } => assign(context, tenant, plan.as_deref(), why.as_deref()),
    }
}

fn assign(
    context: &Context,
    tenant: &str,
    plan: Option<&str>,
    why: Option<&str>,
) -> anyhow::Result<ExitCode> {
    if tenant.is_empty() || plan.is_some_and(str::is_empty) {
        return Err(Usage("a name is missing".to_owned()).into());
    }
    let mut store = Store::open(context.store_path()?)?;
    let expected = store.cap_revision()?;
    let (tenant, plan) = (TenantId::new(tenant), plan.map(PlanId::new));
    let rev = store.assign_plan((tenant, plan), expected, &author(context, why)?)?;
    let name = plan.map_or_else(|| "the default plan".to_owned(), |plan| format!("plan {plan}"));
    tell(&format!("{tenant} is on {name}"), rev)
}

/// What is known of a plan.
#[derive(Default)]
struct Known {
    caps: Vec<String>,
    tenants: Vec<TenantId>,
}

/// Collects the plans that are defined, have caps or have tenants.
fn known(book: &CapBook) -> BTreeMap<PlanId, Known> {
    let mut plans: BTreeMap<PlanId, Known> = BTreeMap::new();
    for plan in book.plans().plans() {
        plans.entry(plan.name).or_default();
    }
    for cap in book.caps() {
        if let Scope::Plan(plan) = cap.scope {
            plans.entry(plan).or_default().caps.push(cap.to_string());
        }
    }
    for (tenant, plan) in book.plans().assigned() {
        plans.entry(plan).or_default().tenants.push(tenant);
    }
    plans
}

fn list(context: &Context, format: CapFormat) -> anyhow::Result<ExitCode> {
    let path = context.store_path()?;
    let book = if path.exists() {
        Reader::open(path)?.cap_book(&context.base(), now())?
    } else {
        CapBook::default()
    };
    let plans = known(&book);
    if format == CapFormat::Json {
        let rows: Vec<Value> = plans
            .iter()
            .map(|(plan, known)| {
                let tenants: Vec<&str> = known.tenants.iter().map(|tenant| tenant.as_str()).collect();
                json!({ "plan": plan.as_str(), "caps": known.caps, "tenants": tenants })
            })
            .collect();
        print(&json!({ "outlay": 1, "plans": rows }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    if plans.is_empty() {
        writeln!(out, "no plans: cap one with `outlay caps set plan:free 0.50/day`")?;
    }
    for (plan, known) in &plans {
        writeln!(out, "{plan}: {} tenants put on it", known.tenants.len())?;
        for cap in &known.caps {
            writeln!(out, "  {cap}")?;
        }
        for tenant in &known.tenants {
            writeln!(out, "  tenant {tenant}")?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
