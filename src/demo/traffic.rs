//! A day of made-up traffic: who asks which model when, for how many tokens. A plan only, no sockets.
//!
//! Without incidents the sums up to [`Scenario::now`] are exact: each tenant and each model has spent what
//! the demo says, and the last hour has as many calls as it says.

use super::provider::{Price, prices};
use crate::domain::failure::FailureClass;
use crate::domain::money::Money;
use crate::domain::time::{Millis, Timestamp};
use crate::domain::tokens::{TokenCount, Tokens};

/// A tenant as the demo shows it.
#[derive(Clone, Copy, Debug)]
pub struct Tenant {
    /// Its name.
    pub name: &'static str,
    /// Spent since midnight.
    pub today: Money,
    /// Spent since the first of the month.
    pub month: Money,
    /// Spent in an hour at the present pace.
    pub burn: Money,
    /// Calls in the last hour.
    pub calls: u64,
    /// Of a thousand calls, how many fail.
    pub failures: u64,
    /// How its day goes: the weight of each hour, UTC.
    pub rhythm: [u64; 24],
}

const OFFICE: [u64; 24] = [1, 1, 1, 1, 1, 1, 2, 4, 7, 9, 9, 8, 6, 8, 9, 9, 8, 6, 4, 2, 2, 1, 1, 1];
const EVENING: [u64; 24] = [6, 4, 2, 1, 1, 1, 2, 3, 4, 5, 6, 7, 7, 6, 6, 6, 7, 8, 9, 9, 9, 9, 8, 7];
const STEADY: [u64; 24] = [5; 24];
const NIGHTLY: [u64; 24] = [0, 0, 9, 9, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

const fn cents(count: i64) -> Money {
    Money::from_nanos(count * 10_000_000)
}

/// Name; cents of today, the month and an hour; calls in an hour; failures in a thousand; rhythm.
const fn tenant(name: &'static str, spent: [i64; 3], calls: u64, failures: u64, rhythm: [u64; 24]) -> Tenant {
    let [today, month, burn] = spent;
    Tenant { name, today: cents(today), month: cents(month), burn: cents(burn), calls, failures, rhythm }
}

/// The tenants of the demo.
pub const TENANTS: [Tenant; 9] = [
    tenant("docs-rag", [18_640, 311_275, 892], 1104, 12, STEADY),
    tenant("acme-search", [9_218, 184_022, 640], 2310, 3, OFFICE),
    tenant("chat-web", [6_107, 140_260, 411], 3902, 6, EVENING),
    tenant("evals-nightly", [4_802, 91_238, 0], 0, 0, NIGHTLY),
    tenant("growth-bot", [1_255, 24_791, 102], 415, 2, OFFICE),
    tenant("internal-tools", [891, 19_130, 44], 96, 0, OFFICE),
    tenant("beta-copilot", [327, 7_015, 31], 61, 49, OFFICE),
    tenant("한빛-번역", [237, 2_764, 20], 44, 0, OFFICE),
    tenant("(no tenant)", [61, 902, 2], 3, 0, STEADY),
];

/// The tenant whose cap is used up in the night.
const NIGHT: &str = "evals-nightly";
/// Its calls that were answered before that, and those that were rejected after it.
const NIGHT_CALLS: [u64; 2] = [6_000, 318];
/// When its cap was used up, after midnight: 04:12.
const NIGHT_END: Millis = Millis::new((4 * 60 + 12) * 60_000);

/// What one tenant has spent on one model today, and how many of a hundred of its calls go there.
#[derive(Clone, Copy, Debug)]
struct Cell {
    tenant: &'static str,
    model: &'static str,
    share: u64,
    spent: Spent,
}

#[derive(Clone, Copy, Debug)]
enum Spent {
    /// Input, cached, output.
    Tokens(u64, u64, u64),
    /// Thousandths of a dollar.
    Mills(u64),
}

const fn cell(tenant: &'static str, model: &'static str, share: u64, spent: Spent) -> Cell {
    Cell { tenant, model, share, spent }
}

const CELLS: [Cell; 19] = [
    cell("docs-rag", "claude-sonnet-4-6", 40, Spent::Tokens(31_200_000, 22_400_000, 3_410_000)),
    cell("docs-rag", "gpt-5.4", 8, Spent::Tokens(6_100_000, 0, 1_060_000)),
    cell("docs-rag", "gpt-4o-mini", 30, Spent::Tokens(12_300_000, 0, 1_900_000)),
    cell("docs-rag", "text-embedding-3-small", 22, Spent::Tokens(39_750_000, 0, 0)),
    cell("acme-search", "gpt-4.1", 45, Spent::Mills(44_020)),
    cell("acme-search", "gpt-5.4", 25, Spent::Mills(43_945)),
    cell("acme-search", "text-embedding-3-small", 30, Spent::Mills(4_215)),
    cell("chat-web", "claude-haiku-4-5", 50, Spent::Mills(36_700)),
    cell("chat-web", "gpt-4o-mini", 45, Spent::Mills(20_000)),
    cell("chat-web", "gpt-5.4", 5, Spent::Mills(4_370)),
    cell(NIGHT, "claude-sonnet-4-6", 60, Spent::Mills(30_085)),
    cell(NIGHT, "gpt-5.4", 40, Spent::Mills(17_935)),
    cell("growth-bot", "claude-sonnet-4-6", 100, Spent::Mills(12_550)),
    cell("internal-tools", "claude-sonnet-4-6", 80, Spent::Mills(7_025)),
    cell("internal-tools", "gpt-4o-mini", 20, Spent::Mills(1_885)),
    cell("beta-copilot", "gpt-4o-mini", 100, Spent::Mills(3_270)),
    cell("한빛-번역", "gpt-4o-mini", 100, Spent::Mills(2_370)),
    cell("(no tenant)", "gpt-4o-mini", 90, Spent::Mills(610)),
    // Nobody knows what it costs.
    cell("(no tenant)", "llama-70b", 10, Spent::Tokens(900_000, 0, 120_000)),
];

/// Something out of the ordinary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incident {
    /// A client calls so many times as often.
    Runaway {
        /// Whose client.
        tenant: &'static str,
        /// From when.
        from: Timestamp,
        /// Until when.
        until: Timestamp,
        /// How many times as often, at least 1.
        times: u64,
    },
    /// A provider answers nobody.
    Outage {
        /// How the names of its models begin.
        models: &'static str,
        /// From when.
        from: Timestamp,
        /// Until when.
        until: Timestamp,
    },
}

/// What is planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Decides on everything that looks like chance.
    pub seed: u64,
    /// The midnight that the day begins with, UTC.
    pub midnight: Timestamp,
    /// The moment that the demo's figures belong to, at least an hour after 04:12 of that day.
    pub now: Timestamp,
    /// The end of the plan, after `now`.
    pub until: Timestamp,
    /// What is out of the ordinary.
    pub incidents: Vec<Incident>,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is answered.
    Answered,
    /// The provider fails it.
    Failed(FailureClass),
    /// The cap stands in its way.
    Rejected,
}

/// One call of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub tenant: &'static str,
    /// Which model is asked.
    pub model: &'static str,
    /// What it uses; nothing where it is not answered.
    pub tokens: TokenCount,
    /// What becomes of it.
    pub fate: Fate,
}

/// Classes of failure, by how many of 357 each has.
const CLASSES: [(u64, FailureClass); 8] = [
    (214, FailureClass::RateLimit),
    (61, FailureClass::Timeout),
    (38, FailureClass::ServerError),
    (17, FailureClass::InvalidRequest),
    (11, FailureClass::ContentFilter),
    (9, FailureClass::ContextLength),
    (5, FailureClass::Authentication),
    (2, FailureClass::ModelUnavailable),
];

const HOUR: Millis = Millis::new(3_600_000);

/// Plans every call of a scenario, in the order of time.
pub fn plan(scenario: &Scenario) -> Vec<Planned> {
    let prices = prices();
    let mut calls = Vec::new();
    for tenant in &TENANTS {
        let asked = asked(scenario, tenant);
        for cell in CELLS.iter().filter(|cell| cell.tenant == tenant.name) {
            calls.extend(scenario.answer(tenant, cell, &asked, &prices));
        }
        calls.extend(rejected(scenario, tenant));
    }
    calls.sort_by_key(|call| call.at);
    calls
}

/// Returns the moments at which a tenant asks, in their order.
fn asked(scenario: &Scenario, tenant: &Tenant) -> Vec<Timestamp> {
    let Scenario { midnight, now, until, .. } = *scenario;
    if tenant.name == NIGHT {
        return scenario.spread(tenant, NIGHT_CALLS[0], (midnight, midnight.after(NIGHT_END)));
    }
    let hour = (now.before(HOUR), now);
    let pace = |span| {
        let weight = scenario.weight(&tenant.rhythm, span);
        tenant.calls * weight / scenario.weight(&tenant.rhythm, hour).max(1)
    };
    // As many calls as the spend of the day is worth at the pace of the last hour.
    let whole = u64::try_from(tenant.today.nanos() / tenant.burn.nanos().max(1)).unwrap_or(0) * tenant.calls;
    let mut asked = scenario.spread(tenant, whole.saturating_sub(tenant.calls), (midnight, hour.0));
    asked.extend(scenario.spread(tenant, tenant.calls, hour));
    asked.extend(scenario.spread(tenant, pace((now, until)), (now, until)));
    for incident in &scenario.incidents {
        if let Incident::Runaway { tenant: name, from, until, times } = *incident
            && name == tenant.name
        {
            let more = pace((from, until)) * times.saturating_sub(1);
            asked.extend(scenario.spread(tenant, more, (from, until)));
        }
    }
    asked.sort();
    asked
}

/// Returns the calls that the cap of the night stops.
fn rejected(scenario: &Scenario, tenant: &Tenant) -> Vec<Planned> {
    if tenant.name != NIGHT {
        return Vec::new();
    }
    let steady = Tenant { rhythm: STEADY, ..*tenant };
    let span = (scenario.midnight.after(NIGHT_END), scenario.now);
    let times = scenario.spread(&steady, NIGHT_CALLS[1], span);
    let model = CELLS.iter().find(|cell| cell.tenant == NIGHT).map_or("", |cell| cell.model);
    let planned =
        |at| Planned { at, tenant: tenant.name, model, tokens: TokenCount::default(), fate: Fate::Rejected };
    times.into_iter().map(planned).collect()
}

type Span = (Timestamp, Timestamp);

impl Scenario {
    /// Returns the parts of a span that lie in one hour each: start, milliseconds, weight of the hour.
    fn hours(&self, rhythm: &[u64; 24], span: Span) -> Vec<(Timestamp, u64, u64)> {
        let (mut start, end) = span;
        let mut hours = Vec::new();
        while start < end {
            let passed = start.since(self.midnight).count();
            let left = HOUR.count() - passed % HOUR.count();
            let length = left.min(end.since(start).count());
            let hour = usize::try_from(passed / HOUR.count() % 24).unwrap_or(0);
            hours.push((start, length, rhythm[hour]));
            start = start.after(Millis::new(length));
        }
        hours
    }

    fn weight(&self, rhythm: &[u64; 24], span: Span) -> u64 {
        self.hours(rhythm, span).into_iter().map(|(_, length, weight)| length * weight).sum()
    }

    /// Spreads calls over a span as the tenant's day goes: each somewhere in its own equal share of it.
    fn spread(&self, tenant: &Tenant, count: u64, span: Span) -> Vec<Timestamp> {
        let all = u128::from(self.weight(&tenant.rhythm, span));
        let mut hours = self.hours(&tenant.rhythm, span).into_iter();
        let (mut hour, mut before) = (hours.next(), 0_u128);
        let mut times = Vec::new();
        for number in 0..count {
            let place = (u128::from(number) << 16) + u128::from(self.roll(tenant.name, number) & 0xffff);
            let target = all * place / (u128::from(count.max(1)) << 16);
            while let Some((start, length, weight)) = hour {
                let here = u128::from(length * weight);
                if target < before + here {
                    let into = (target - before) / u128::from(weight);
                    times.push(start.after(Millis::new(1 + u64::try_from(into).unwrap_or(0))));
                    break;
                }
                before += here;
                hour = hours.next();
            }
        }
        times
    }

    /// Returns what looks like chance: the same for the same scenario.
    fn roll(&self, name: &str, number: u64) -> u64 {
        let seed = self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        xxhash_rust::xxh3::xxh3_64_with_seed(name.as_bytes(), seed)
    }

    fn is_out(&self, model: &str, at: Timestamp) -> bool {
        self.incidents.iter().any(|incident| match *incident {
            Incident::Outage { models, from, until } => model.starts_with(models) && from <= at && at < until,
            Incident::Runaway { .. } => false,
        })
    }

    fn fate(&self, tenant: &Tenant, model: &str, (at, number): (Timestamp, u64)) -> Fate {
        if self.is_out(model, at) {
            return Fate::Failed(FailureClass::ServerError);
        }
        let roll = self.roll(tenant.name, number) >> 16;
        if roll % 1000 >= tenant.failures {
            return Fate::Answered;
        }
        let mut place = roll / 1000 % CLASSES.iter().map(|(count, _)| count).sum::<u64>();
        for (count, class) in CLASSES {
            if place < count {
                return Fate::Failed(class);
            }
            place -= count;
        }
        Fate::Failed(FailureClass::Unknown)
    }

    /// Gives the calls of one cell their fate, and those that are answered their tokens.
    fn answer(&self, tenant: &Tenant, cell: &Cell, asked: &[Timestamp], prices: &[Price]) -> Vec<Planned> {
        let mut calls: Vec<Planned> = (0..)
            .zip(asked)
            .filter(|(number, _)| belongs(cell, *number))
            .map(|(number, &at)| Planned {
                at,
                tenant: tenant.name,
                model: cell.model,
                tokens: TokenCount::default(),
                fate: self.fate(tenant, cell.model, (at, number)),
            })
            .collect();
        let answered = |call: &&Planned| call.fate == Fate::Answered && call.at <= self.now;
        let count = calls.iter().filter(answered).count() as u64;
        let total = cell.tokens(prices);
        let edges = |number: u64| {
            if count == 0 {
                return [0; 3];
            }
            let inner = number > 0 && number != count;
            let off = if inner { self.roll(cell.model, number) & 0x7fff } else { 0 };
            total.map(|class| part(class, (number << 16) + off, count << 16))
        };
        let mut before = edges(0);
        for (number, call) in (1..).zip(calls.iter_mut().filter(|call| call.fate == Fate::Answered)) {
            let after = edges(number);
            let [input, cached, output] = [0, 1, 2].map(|class| Tokens::new(after[class] - before[class]));
            call.tokens = TokenCount { input, cache_read: cached, output, ..TokenCount::default() };
            before = after;
        }
        calls
    }
}

/// Returns `total * number / of`.
fn part(total: u64, number: u64, of: u64) -> u64 {
    let product = u128::from(total) * u128::from(number) / u128::from(of.max(1));
    u64::try_from(product).unwrap_or(u64::MAX)
}

/// Says whether a tenant's call of this number goes to this cell: of each hundred as many as its share.
fn belongs(cell: &Cell, number: u64) -> bool {
    let place = number * 37 % 100;
    let before: u64 = CELLS
        .iter()
        .filter(|other| other.tenant == cell.tenant)
        .take_while(|other| other.model != cell.model)
        .map(|other| other.share)
        .sum();
    (before..before + cell.share).contains(&place)
}

impl Cell {
    /// Returns input, cached and output of today. Of money two fifths are output and, where the cache is
    /// cheaper, a tenth is read from it.
    fn tokens(&self, prices: &[Price]) -> [u64; 3] {
        let mills = match self.spent {
            Spent::Tokens(input, cached, output) => return [input, cached, output],
            Spent::Mills(mills) => mills,
        };
        let Some(price) = prices.iter().find(|price| price.model == self.model) else { return [0; 3] };
        let picos = mills * 1_000_000_000;
        let output = (picos * 2 / 5).checked_div(price.output).unwrap_or(0);
        let cached = if price.cache_read < price.input { picos / 10 / price.cache_read } else { 0 };
        let left = picos - output * price.output - cached * price.cache_read;
        [left / price.input, cached, output]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn scenario(incidents: Vec<Incident>) -> Scenario {
        let midnight = Timestamp::from_seconds(1_795_305_600);
        let now = midnight.after(Millis::new(((14 * 60 + 5) * 60 + 9) * 1000));
        Scenario { seed: 7, midnight, now, until: now.after(HOUR), incidents }
    }

    fn sums(calls: &[Planned], by: impl Fn(&Planned) -> &'static str) -> BTreeMap<&'static str, Money> {
        let prices = prices();
        let mut sums = BTreeMap::new();
        for call in calls {
            let price = prices.iter().find(|price| price.model == call.model);
            let cost = price.map_or(Money::ZERO, |price| price.bill(&call.tokens));
            *sums.entry(by(call)).or_insert(Money::ZERO) += cost;
        }
        sums
    }

    #[test]
    fn the_figures_of_the_table_agree_with_each_other() {
        let sum = |of: fn(&Tenant) -> Money| TENANTS.iter().map(of).sum::<Money>().rounded(2);
        assert_eq!(sum(|tenant| tenant.today), "415.38");
        assert_eq!(sum(|tenant| tenant.month), "7813.97");
        assert_eq!(sum(|tenant| tenant.burn), "21.42");
        assert_eq!(TENANTS.iter().map(|tenant| tenant.calls).sum::<u64>(), 7935);
        for tenant in TENANTS {
            let shares = CELLS.iter().filter(|cell| cell.tenant == tenant.name).map(|cell| cell.share);
            assert_eq!(shares.sum::<u64>(), 100, "{}", tenant.name);
        }
    }

    #[test]
    fn the_day_comes_to_what_the_table_says() {
        let scenario = scenario(Vec::new());
        let mut calls = plan(&scenario);
        assert!(calls.is_sorted_by_key(|call| call.at));
        calls.retain(|call| call.at <= scenario.now);
        let by_tenant = sums(&calls, |call| call.tenant);
        for tenant in TENANTS {
            assert_eq!(by_tenant[tenant.name].rounded(2), tenant.today.rounded(2), "{}", tenant.name);
        }
        let by_model = sums(&calls, |call| call.model);
        for (model, dollars) in [
            ("claude-sonnet-4-6", "201.13"),
            ("gpt-5.4", "97.40"),
            ("gpt-4.1", "44.02"),
            ("claude-haiku-4-5", "36.70"),
            ("gpt-4o-mini", "31.12"),
            ("text-embedding-3-small", "5.01"),
            ("llama-70b", "0.00"),
        ] {
            assert_eq!(by_model[model].rounded(2), dollars, "{model}");
        }
        let rejected = calls.iter().filter(|call| call.fate == Fate::Rejected);
        assert_eq!(rejected.map(|call| call.tenant).collect::<Vec<_>>(), vec![NIGHT; 318]);
    }

    #[test]
    fn the_last_hour_has_as_many_calls_as_the_table_says() {
        let scenario = scenario(Vec::new());
        let calls = plan(&scenario);
        for tenant in TENANTS {
            let of_hour = |call: &&Planned| {
                call.tenant == tenant.name
                    && call.fate != Fate::Rejected
                    && call.at > scenario.now.before(HOUR)
                    && call.at <= scenario.now
            };
            assert_eq!(calls.iter().filter(of_hour).count() as u64, tenant.calls, "{}", tenant.name);
        }
    }

    #[test]
    fn a_runaway_calls_more_and_an_outage_fails_all() {
        let calm = scenario(Vec::new());
        let span = (calm.now, calm.now.after(Millis::new(600_000)));
        let wild = scenario(vec![
            Incident::Runaway { tenant: "growth-bot", from: span.0, until: span.1, times: 20 },
            Incident::Outage { models: "claude", from: span.0, until: span.1 },
        ]);
        let within = |calls: Vec<Planned>| {
            calls.into_iter().filter(|call| call.at >= span.0 && call.at < span.1).collect::<Vec<_>>()
        };
        let (before, after) = (within(plan(&calm)), within(plan(&wild)));
        let count = |calls: &[Planned]| calls.iter().filter(|call| call.tenant == "growth-bot").count();
        assert!(count(&after) > 18 * count(&before), "{} {}", count(&after), count(&before));
        let fails =
            |call: &Planned| matches!(call.fate, Fate::Failed(_)) && call.tokens == TokenCount::default();
        assert!(after.iter().filter(|call| call.model.starts_with("claude")).all(fails));
        assert!(after.iter().any(|call| call.model == "gpt-4.1" && call.fate == Fate::Answered));
        assert_eq!(plan(&calm), plan(&calm));
    }
}
