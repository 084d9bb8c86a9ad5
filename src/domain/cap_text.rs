//! The one text form of a cap: `tenant:acme 50.00/day --hard --on-breach downgrade:gpt-4o-mini --warn 50,80`.

use std::fmt;

use super::amount::Unit;
use super::call::ModelId;
use super::cap::{Cap, Fraction, Limit, Mode, OnBreach};
use super::label::Label;
use super::money::Money;
use super::scope::Scope;
use super::time::Timestamp;
use super::tokens::Tokens;
use super::until;
use super::window::Window;
use super::words;

impl Cap {
    /// Reads a cap: a scope, a limit per window, then flags.
    ///
    /// The error says in plain words what was expected.
    pub fn parse(text: &str) -> Result<Cap, String> {
        let words = words::split(text)?;
        let (scope, rest) =
            words.split_first().ok_or("a cap begins with its scope, as in `tenant:acme 50.00/day`")?;
        Cap::of_words(Scope::parse(scope)?, rest)
    }

    /// Reads the cap of a scope that is known: a limit per window, then flags.
    ///
    /// The error says in plain words what was expected.
    pub fn parse_for(scope: Scope, text: &str) -> Result<Cap, String> {
        Cap::of_words(scope, &words::split(text)?)
    }

    fn of_words(scope: Scope, words: &[&str]) -> Result<Cap, String> {
        let flags = words.iter().position(|word| word.starts_with("--")).unwrap_or(words.len());
        let (limit, mut rest) = words.split_at(flags);
        let (limit, window) = limit_per_window(&limit.join(" "))?;
        let mut cap = Cap::new(scope, limit, window);
        while let Some((flag, after)) = rest.split_first() {
            rest = match *flag {
                "--hard" | "--soft" => after,
                "--on-breach" | "--warn" | "--until" | "--note" if after.is_empty() => {
                    return Err(format!("`{flag}` needs a value"));
                }
                _ => after.get(1..).unwrap_or_default(),
            };
            set(&mut cap, flag, after.first().copied().unwrap_or_default())?;
        }
        if cap.mode == Mode::Soft && cap.on_breach != OnBreach::Reject {
            return Err("a soft cap only warns: --on-breach needs --hard".to_owned());
        }
        Ok(cap)
    }
}

fn set(cap: &mut Cap, flag: &str, value: &str) -> Result<(), String> {
    match flag {
        "--hard" => cap.mode = Mode::Hard,
        "--soft" => cap.mode = Mode::Soft,
        "--on-breach" => cap.on_breach = on_breach(value)?,
        "--warn" => cap.warn_at = warnings(value)?,
        "--until" => cap.until = Some(instant(value)?),
        "--note" => cap.note = Label::new(&words::name(value)?),
        _ => {
            return Err(format!(
                "`{flag}` is not known: expected --hard, --soft, --on-breach, --warn, --until or --note"
            ));
        }
    }
    Ok(())
}

/// Reads `50.00/day`, `1000 calls/rolling:30d`, `2000000 tokens/month`, `0/day`, `none/day`.
fn limit_per_window(text: &str) -> Result<(Limit, Window), String> {
    let missing = || format!("limit `{text}` has no window: expected one like 50.00/day");
    let (limit, window) = text.split_once('/').ok_or_else(missing)?;
    Ok((self::limit(limit)?, Window::parse(window)?))
}

/// Reads the amount of a limit. `none` says that there is no cap.
pub(super) fn limit(text: &str) -> Result<Limit, String> {
    let wrong = || {
        format!(
            "limit `{text}` is not known: expected dollars like 50.00, `1000 calls`, `2000000 tokens` or none"
        )
    };
    let (number, unit) = match text.split_once(' ') {
        None => (text, Unit::Money),
        Some((number, "calls" | "call")) => (number, Unit::Calls),
        Some((number, "tokens" | "token")) => (number, Unit::Tokens),
        Some(_) => return Err(wrong()),
    };
    if number == "none" {
        return Ok(Limit::Uncapped(unit));
    }
    if number.starts_with('-') || number.starts_with("$-") {
        return Err(format!("limit `{text}` is negative: 0 blocks, none means no cap"));
    }
    let count = || words::count(number).filter(|&count| i64::try_from(count).is_ok()).ok_or_else(wrong);
    match unit {
        Unit::Money => dollars(number).map(Limit::Money).ok_or_else(wrong),
        Unit::Calls => count().map(Limit::Calls),
        Unit::Tokens => count().map(|count| Limit::Tokens(Tokens::new(count))),
    }
}

/// Reads plain decimal dollars, no finer than a nanodollar, with or without the sign.
fn dollars(text: &str) -> Option<Money> {
    let text = text.strip_prefix('$').unwrap_or(text);
    let fine = text.split_once('.').is_some_and(|(_, places)| places.len() > 9);
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if fine || !plain { None } else { Money::parse_dollars(text) }
}

fn on_breach(text: &str) -> Result<OnBreach, String> {
    match text.split_once(':') {
        None if text == "reject" => Ok(OnBreach::Reject),
        Some(("downgrade", model)) => Ok(OnBreach::Downgrade(ModelId::new(&words::name(model)?))),
        _ => Err(format!("--on-breach `{text}` is not known: expected reject or downgrade:MODEL")),
    }
}

fn instant(text: &str) -> Result<Timestamp, String> {
    until::instant(text)
        .ok_or_else(|| format!("--until `{text}` is no instant: expected one like 2026-11-23T09:00:00Z"))
}

fn warnings(text: &str) -> Result<Vec<Fraction>, String> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let mut shares = text.split(',').map(share).collect::<Result<Vec<_>, _>>()?;
    shares.sort_unstable();
    shares.dedup();
    Ok(shares)
}

/// Reads a per cent with at most two places, with or without its sign.
fn share(text: &str) -> Result<Fraction, String> {
    let number = text.strip_suffix('%').unwrap_or(text);
    let (whole, places) = number.split_once('.').unwrap_or((number, ""));
    let basis = match (words::count(whole), places.len()) {
        (Some(_), 0..=2) => words::count(&format!("{whole}{places:0<2}")),
        _ => None,
    };
    let share = basis.and_then(|basis| u16::try_from(basis).ok()).and_then(Fraction::from_basis);
    share.ok_or_else(|| format!("--warn `{text}` is no share: expected per cents like 50,80, or none"))
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Money(money) => f.write_str(&short(*money)),
            Limit::Calls(calls) => write!(f, "{calls} calls"),
            Limit::Tokens(tokens) => write!(f, "{} tokens", tokens.count()),
            Limit::Uncapped(Unit::Money) => f.write_str("none"),
            Limit::Uncapped(Unit::Calls) => f.write_str("none calls"),
            Limit::Uncapped(Unit::Tokens) => f.write_str("none tokens"),
        }
    }
}

/// Returns dollars with at least two places and no zeros after them.
fn short(money: Money) -> String {
    let text = money.to_dollars();
    let kept = text.trim_end_matches('0').len();
    text[..kept.max(text.len() - 7)].to_owned()
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.mode == Mode::Hard { "--hard" } else { "--soft" };
        write!(f, "{} {}/{} {mode}", self.scope, self.limit, self.window)?;
        if let OnBreach::Downgrade(model) = self.on_breach {
            write!(f, " --on-breach downgrade:{}", words::quote(model.as_str()))?;
        }
        if self.warn_at.is_empty() {
            f.write_str(" --warn none")?;
        } else if !self.warns_as_usual() {
            let shares: Vec<_> = self.warn_at.iter().map(Fraction::to_string).collect();
            write!(f, " --warn {}", shares.join(","))?;
        }
        if let Some(until) = self.until {
            write!(f, " --until {}", until::text(until))?;
        }
        if self.note.is_empty() { Ok(()) } else { write!(f, " --note {}", words::quote(self.note.as_str())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::scope::tests::scopes;
    use crate::domain::window::tests::windows;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, printed: &str) {
        let cap = Cap::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(cap.to_string(), printed);
        assert_eq!(Cap::parse(printed), Ok(cap));
    }

    #[track_caller]
    fn refused(text: &str, says: &str) {
        let fault = Cap::parse(text).expect_err("no cap");
        assert!(fault.contains(says), "{text}: {fault}");
    }

    #[test]
    fn a_cap_is_read_in_every_spelling() {
        check("tenant:acme 50/day", "tenant:acme 50.00/day --hard");
        check("tenant:acme $50.000000001/day", "tenant:acme 50.000000001/day --hard");
        check("each-tenant 1000 calls/rolling:720h", "each-tenant 1000 calls/rolling:30d --hard");
        check("all 2000000 tokens/month --soft", "all 2000000 tokens/month --soft");
        check("model:gpt-4o 0/day", "model:gpt-4o 0.00/day --hard");
        check("plan:free none/day", "plan:free none/day --hard");
        check("key:abc none calls/total --warn 80", "key:abc none calls/total --hard");
        check("all 1/hour --warn 80,50%,99.5", "all 1.00/hour --hard --warn 50,80,99.5");
        check("all 1/hour --until 2026-11-23T09:00Z", "all 1.00/hour --hard --until 2026-11-23T09:00:00Z");
        check("all 1/hour --warn none", "all 1.00/hour --hard --warn none");
        check(
            "tenant:acme 50.00/day --on-breach downgrade:gpt-4o-mini --note \"docs launch\"",
            "tenant:acme 50.00/day --hard --on-breach downgrade:gpt-4o-mini --note \"docs launch\"",
        );
    }

    #[test]
    fn what_is_no_cap_is_refused_in_plain_words() {
        refused("", "begins with its scope");
        refused("tenant:acme", "no window");
        refused("tenant:acme 50", "no window");
        refused("tenant:acme -5/day", "negative");
        refused("tenant:acme -5 calls/day", "negative");
        refused("tenant:acme 1.5 calls/day", "is not known");
        refused("tenant:acme 1e3/day", "is not known");
        refused("tenant:acme 0.0000000001/day", "is not known");
        refused("tenant:acme 99999999999/day", "is not known");
        refused("tenant:acme 50 apples/day", "is not known");
        refused("tenant:acme 9223372036854775808 calls/day", "is not known");
        refused("tenant:acme 50/year", "window `year`");
        refused("tenant:acme 50/day --firm", "`--firm` is not known");
        refused("tenant:acme 50/day --warn", "needs a value");
        refused("tenant:acme 50/day --warn 0", "no share");
        refused("tenant:acme 50/day --until 18:00", "no instant");
        refused("tenant:acme 50/day --warn 101", "no share");
        refused("tenant:acme 50/day --warn 5.005", "no share");
        refused("tenant:acme 50/day --on-breach stop", "reject or downgrade");
        refused("tenant:acme 50/day --soft --on-breach downgrade:m", "only warns");
        refused("tenant:acme 50/day --note \"x", "does not close");
    }

    fn limits() -> impl Strategy<Value = Limit> {
        (0_u8..6, 0..=i64::MAX).prop_map(|(kind, size)| match kind {
            0 => Limit::Money(Money::from_nanos(size)),
            1 => Limit::Calls(size.unsigned_abs()),
            2 => Limit::Tokens(Tokens::new(size.unsigned_abs())),
            3 => Limit::Uncapped(Unit::Money),
            4 => Limit::Uncapped(Unit::Calls),
            _ => Limit::Uncapped(Unit::Tokens),
        })
    }

    fn caps() -> impl Strategy<Value = Cap> {
        let shares = proptest::collection::btree_set(1_u16..=10_000, 0..4);
        let words = proptest::option::of("[a-z \"\\\\+가]{0,8}[a-z]");
        let until = proptest::option::of(0_i64..253_402_207_200_000);
        (scopes(), limits(), windows(), shares, words, 0_u8..3, until).prop_map(
            |(scope, limit, window, shares, word, kind, until)| {
                let mut cap = Cap::new(scope, limit, window);
                cap.warn_at = shares.into_iter().filter_map(Fraction::from_basis).collect();
                cap.until = until.map(Timestamp::from_millis);
                let word = word.unwrap_or_default();
                cap.note = Label::new(&word);
                match kind {
                    0 => cap.mode = Mode::Soft,
                    1 => cap.on_breach = OnBreach::Downgrade(ModelId::new(&word)),
                    _ => {}
                }
                cap
            },
        )
    }

    proptest! {
        #[test]
        fn a_cap_prints_as_it_is_read(cap in caps()) {
            prop_assert_eq!(Cap::parse(&cap.to_string()), Ok(cap));
        }

        #[test]
        fn any_text_is_a_cap_or_a_fault(text in "(all|tenant:|x|\"| |/|day|50|-|--warn|--note|none|calls|:){0,12}") {
            if let Ok(cap) = Cap::parse(&text) {
                prop_assert_eq!(Cap::parse(&cap.to_string()), Ok(cap));
            }
        }
    }
}
