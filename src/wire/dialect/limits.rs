//! Rate-limit headers of every family, and how long a provider asks to wait.

use super::super::time;
use crate::domain::limits::{Dimension, Limit, Per, Pool};
use crate::domain::time::{Millis, Timestamp};

/// The longest wait or reset that is believed: 400 days.
const LONGEST: u64 = 400 * 86_400_000;

/// The headers of one answer, and when it came.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// Names, in any case, and values.
    pub headers: &'a [(&'a str, &'a str)],
    /// The moment by our own clock.
    pub now: Timestamp,
}

impl<'a> Answered<'a> {
    /// Returns the value of a header; empty ones are absent.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(found.1.trim()).filter(|value| !value.is_empty())
    }

    /// Returns the value of a header whose name is these parts, one after the other.
    fn named(&self, parts: [&str; 3]) -> Option<&'a str> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let is = |name: &str| {
            let mut rest = name.as_bytes();
            name.len() == length
                && parts.iter().all(|part| {
                    let (start, end) = rest.split_at(part.len());
                    rest = end;
                    start.eq_ignore_ascii_case(part.as_bytes())
                })
        };
        let found = self.headers.iter().find(|(name, _)| is(name))?;
        Some(found.1.trim()).filter(|value| !value.is_empty())
    }

    /// Returns how far our clock is ahead of the provider's, in milliseconds.
    fn ahead(&self) -> i64 {
        self.get("date").and_then(http_date).map_or(0, |date| self.now.millis() - date.millis())
    }

    /// Reads the value of a reset: an instant, a duration, an epoch number or seconds, told by its form.
    pub fn reset(&self, text: &str) -> Option<Timestamp> {
        let absolute = |at: Timestamp| Timestamp::from_millis(at.millis().saturating_add(self.ahead()));
        let at = if text.contains('T') {
            absolute(time::parse_calendar(text.as_bytes())?)
        } else if let Some(length) = duration(text) {
            self.now.after(length)
        } else {
            let millis = decimal_millis(text)?;
            match millis / 1000 {
                1_000_000_000_000.. => absolute(Timestamp::from_millis(i64::try_from(millis / 1000).ok()?)),
                1_000_000_000.. => absolute(Timestamp::from_millis(i64::try_from(millis).ok()?)),
                _ => self.now.after(Millis::new(millis)),
            }
        };
        (at.since(self.now).count() <= LONGEST).then_some(at)
    }

    fn count(&self, parts: [&str; 3]) -> Option<u64> {
        let text = self.named(parts)?;
        let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
        // Less than nothing is left, as some gateways say, is nothing.
        if text.starts_with('-') { Some(0) } else { whole.parse().ok() }
    }
}

/// Reads every limit that an answer tells. `provider` settles what the same header means to whom.
pub fn read(answered: &Answered<'_>, provider: &str) -> Vec<Limit> {
    let told = |name: &str| {
        let starts =
            |with: &str| name.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
        starts(X) || starts("anthropic-") || starts("date")
    };
    let headers: Vec<(&str, &str)> =
        answered.headers.iter().copied().filter(|(name, _)| told(name)).collect();
    let answered = &Answered { headers: &headers, now: answered.now };
    let mut told = Vec::new();
    for family in FAMILIES {
        told.extend(family.read(answered, provider));
    }
    told.extend(bare(answered));
    told.extend(shares(answered));
    told
}

/// One row of the table: how the three headers of a limit are called.
struct Family {
    /// Before `limit`, `remaining` and `reset`.
    before: &'static str,
    /// After them.
    after: &'static str,
    dimension: Dimension,
    pool: Pool,
    per: Per,
}

const fn family(before: &'static str, after: &'static str, dimension: Dimension) -> Family {
    Family { before, after, dimension, pool: Pool::Default, per: Per::MINUTE }
}

const fn within(mut family: Family, pool: Pool) -> Family {
    family.pool = pool;
    family
}

const fn over(mut family: Family, per: Per) -> Family {
    family.per = per;
    family
}

const X: &str = "x-ratelimit-";
const TEN_SECONDS: Per = Per::Span(Millis::new(10_000));

const FAMILIES: &[Family] = &[
    family(X, "-requests", Dimension::Requests),
    family(X, "-tokens", Dimension::Tokens),
    within(family(X, "-project-requests", Dimension::Requests), Pool::Project),
    within(family(X, "-project-tokens", Dimension::Tokens), Pool::Project),
    over(family(X, "-requests-day", Dimension::Requests), Per::DAY),
    family(X, "-tokens-minute", Dimension::Tokens),
    over(family(X, "-tokens-month", Dimension::Tokens), Per::Month),
    over(family(X, "-req-10-second", Dimension::Requests), TEN_SECONDS),
    family(X, "-req-minute", Dimension::Requests),
    family("anthropic-ratelimit-requests-", "", Dimension::Requests),
    family("anthropic-ratelimit-tokens-", "", Dimension::Tokens),
    family("anthropic-ratelimit-input-tokens-", "", Dimension::InputTokens),
    family("anthropic-ratelimit-output-tokens-", "", Dimension::OutputTokens),
    within(family("anthropic-priority-input-tokens-", "", Dimension::InputTokens), Pool::Priority),
    within(family("anthropic-priority-output-tokens-", "", Dimension::OutputTokens), Pool::Priority),
    within(family("anthropic-fast-input-tokens-", "", Dimension::InputTokens), Pool::Fast),
    within(family("anthropic-fast-output-tokens-", "", Dimension::OutputTokens), Pool::Fast),
];

impl Family {
    fn read(&self, answered: &Answered<'_>, provider: &str) -> Option<Limit> {
        let name = |word| [self.before, word, self.after];
        let limit = answered.count(name("limit"));
        let remaining = answered.count(name("remaining"));
        if limit.is_none() && remaining.is_none() {
            return None;
        }
        let per = self.per(answered, provider);
        let written = answered.named(name("reset")).filter(|text| *text != "0");
        let told = written.and_then(|text| answered.reset(text));
        let resets_at = told.or_else(|| per.next(answered.now));
        Some(Limit { dimension: self.dimension, pool: self.pool, per, limit, remaining, resets_at })
    }

    /// Groq counts requests by the day under the name that others count minutes by; Azure says its own.
    fn per(&self, answered: &Answered<'_>, provider: &str) -> Per {
        match answered.count([X, "renewalperiod", self.after]).filter(|_| self.before == X) {
            Some(seconds) if seconds > 0 => Per::Span(Millis::new(seconds.saturating_mul(1000))),
            _ if self.before == X && self.after == "-requests" && provider == "groq" => Per::DAY,
            _ => self.per,
        }
    }
}

trait Next {
    fn next(self, now: Timestamp) -> Option<Timestamp>;
}

impl Next for Per {
    /// Returns when a window that began just now is over; days and months end by the calendar, in UTC.
    fn next(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Per::DAY => Some(Timestamp::from_seconds((now.seconds().div_euclid(86_400) + 1) * 86_400)),
            Per::Span(length) => Some(now.after(length)),
            Per::Month => {
                let now = jiff::Timestamp::from_millisecond(now.millis()).ok()?;
                let date = now.to_zoned(jiff::tz::TimeZone::UTC).date();
                let first = date.last_of_month().tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
                Some(Timestamp::from_millis(first.timestamp().as_millisecond()))
            }
            Per::Unknown => None,
        }
    }
}

/// Reads `OpenRouter`'s headers, which name no dimension.
fn bare(answered: &Answered<'_>) -> Option<Limit> {
    let limit = answered.count([X, "limit", ""]);
    let remaining = answered.count([X, "remaining", ""]);
    let told = answered.get("x-ratelimit-reset").and_then(|text| answered.reset(text));
    (limit.is_some() || remaining.is_some()).then_some(Limit {
        dimension: Dimension::Requests,
        pool: Pool::Default,
        per: Per::Unknown,
        limit,
        remaining,
        resets_at: told,
    })
}

/// Reads the shares of an Anthropic plan: `anthropic-ratelimit-unified-5h-utilization` and its like.
fn shares(answered: &Answered<'_>) -> Vec<Limit> {
    const BEFORE: &str = "anthropic-ratelimit-unified-";
    let share = |(name, value): &(&str, &str)| {
        let name = name.to_ascii_lowercase();
        let window = name.strip_prefix(BEFORE)?.strip_suffix("-utilization")?;
        let used = decimal_millis(value.trim())?.saturating_mul(10);
        let reset = answered.get(&format!("{BEFORE}{window}-reset"));
        Some(Limit {
            dimension: Dimension::PlanShare,
            pool: Pool::Default,
            per: span(window),
            limit: Some(10_000),
            remaining: Some(10_000_u64.saturating_sub(used)),
            resets_at: reset.and_then(|text| answered.reset(text)),
        })
    };
    answered.headers.iter().filter_map(share).collect()
}

/// Reads a window's name such as `5h` or `7d_oi`.
fn span(window: &str) -> Per {
    let digits: String = window.chars().take_while(char::is_ascii_digit).collect();
    let unit = match window.as_bytes().get(digits.len()) {
        Some(b'm') => 60_000,
        Some(b'h') => 3_600_000,
        Some(b'd') => 86_400_000,
        _ => return Per::Unknown,
    };
    digits.parse::<u64>().map_or(Per::Unknown, |count| Per::Span(Millis::new(count.saturating_mul(unit))))
}

/// Returns how long a refusal asks to wait: the larger of what it says outright and the reset of an axis
/// that is used up.
pub fn wait(answered: &Answered<'_>, provider: &str) -> Option<Millis> {
    let used_up = read(answered, provider).into_iter().filter(|limit| {
        limit.remaining == Some(0) && limit.limit != Some(0) && limit.dimension != Dimension::PlanShare
    });
    let resets = used_up.filter_map(|limit| Some(limit.resets_at?.since(answered.now)));
    retry_after(answered).into_iter().chain(resets).max()
}

/// Reads `retry-after-ms`, then `retry-after` as seconds, then as a date.
pub fn retry_after(answered: &Answered<'_>) -> Option<Millis> {
    let precise =
        answered.get("retry-after-ms").and_then(decimal_millis).map(|thousandths| thousandths.div_ceil(1000));
    let plain = || {
        let text = answered.get("retry-after")?;
        decimal_millis(text).or_else(|| {
            let at = http_date(text)?.millis().saturating_add(answered.ahead());
            Some(Timestamp::from_millis(at).since(answered.now).count())
        })
    };
    precise.or_else(plain).filter(|millis| *millis <= LONGEST).map(Millis::new)
}

/// Returns what the provider itself says about trying again.
pub fn should_retry(answered: &Answered<'_>) -> Option<bool> {
    match answered.get("x-should-retry") {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => None,
    }
}

/// Reads a duration such as `6m0s`, `59.70s`, `120ms` or `1h2m3s`, rounded up to milliseconds.
pub fn duration(text: &str) -> Option<Millis> {
    let mut rest = text;
    let mut micros = 0_u128;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let thousandths = u128::from(decimal_millis(number)?);
        let (unit, length) = UNITS.iter().find(|(unit, _)| tail.starts_with(unit))?;
        micros = micros.checked_add(thousandths.checked_mul(*length)? / 1_000_000)?;
        rest = tail.get(unit.len()..)?;
    }
    u64::try_from(micros.div_ceil(1000)).ok().map(Millis::new)
}

/// Units in nanoseconds, longer spellings first.
const UNITS: &[(&str, u128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
];

/// Reads a plain decimal number times 1,000; digits past the third are dropped.
fn decimal_millis(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let mut places = 0;
    for index in 0..3 {
        places = places * 10 + u64::from(fraction.as_bytes().get(index).map_or(0, |byte| byte - b'0'));
    }
    whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(places)
}

/// Reads the date of an HTTP header.
pub fn http_date(text: &str) -> Option<Timestamp> {
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
        .filter(|at| (Timestamp::EPOCH..=Timestamp::MAX).contains(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-11-20T09:00:00Z
    const NOW: i64 = 1_795_165_200;

    fn answered<'a>(headers: &'a [(&'a str, &'a str)]) -> Answered<'a> {
        Answered { headers, now: Timestamp::from_seconds(NOW) }
    }

    /// Dimension, pool, limit, remaining, seconds until the reset.
    type Row = (Dimension, Pool, Option<u64>, Option<u64>, Option<i64>);

    #[track_caller]
    fn check(provider: &str, headers: &[(&str, &str)], want: &[Row]) {
        let told = read(&answered(headers), provider);
        let seen: Vec<Row> = told
            .iter()
            .map(|limit| {
                let seconds = limit.resets_at.map(|at| at.seconds() - NOW);
                (limit.dimension, limit.pool, limit.limit, limit.remaining, seconds)
            })
            .collect();
        assert_eq!(seen, want);
    }

    #[test]
    fn every_family_is_read() {
        use Dimension::{InputTokens, OutputTokens, PlanShare, Requests, Tokens};
        let plain = Pool::Default;
        check(
            "openai",
            &[
                ("X-RateLimit-Limit-Requests", "5000"),
                ("x-ratelimit-remaining-requests", "4999"),
                ("x-ratelimit-reset-requests", "6m0s"),
                ("x-ratelimit-limit-project-tokens", "300"),
                ("x-ratelimit-remaining-project-tokens", "7"),
                ("x-ratelimit-reset-project-tokens", "1500ms"),
            ],
            &[
                (Requests, plain, Some(5000), Some(4999), Some(360)),
                (Tokens, Pool::Project, Some(300), Some(7), Some(1)),
            ],
        );
        check(
            "anthropic",
            &[
                ("anthropic-ratelimit-input-tokens-limit", "30000"),
                ("anthropic-ratelimit-input-tokens-remaining", "29000"),
                ("anthropic-ratelimit-input-tokens-reset", "2026-11-20T09:00:10Z"),
                ("anthropic-fast-output-tokens-limit", "0"),
                ("anthropic-fast-output-tokens-remaining", "0"),
                ("anthropic-ratelimit-unified-5h-utilization", "0.25"),
                ("anthropic-ratelimit-unified-5h-reset", "1795168800"),
                ("anthropic-ratelimit-unified-7d-utilization", "1.5"),
            ],
            &[
                (InputTokens, plain, Some(30000), Some(29000), Some(10)),
                (OutputTokens, Pool::Fast, Some(0), Some(0), Some(60)),
                (PlanShare, plain, Some(10_000), Some(7_500), Some(3600)),
                (PlanShare, plain, Some(10_000), Some(0), None),
            ],
        );
    }

    #[test]
    fn the_same_name_means_another_window_elsewhere() {
        use Dimension::{Requests, Tokens};
        let plain = Pool::Default;
        check(
            "groq",
            &[("x-ratelimit-limit-requests", "14400"), ("x-ratelimit-remaining-requests", "14370")],
            &[(Requests, plain, Some(14400), Some(14370), Some(15 * 3600))],
        );
        check(
            "mistral",
            &[
                ("x-ratelimit-limit-req-10-second", "5"),
                ("x-ratelimit-remaining-req-10-second", "4"),
                ("x-ratelimit-limit-tokens-month", "1000000"),
                ("x-ratelimit-tokens-query-cost", "12"),
            ],
            &[
                (Tokens, plain, Some(1_000_000), None, Some(10 * 86400 + 15 * 3600)),
                (Requests, plain, Some(5), Some(4), Some(10)),
            ],
        );
        check(
            "openrouter",
            &[
                ("X-RateLimit-Limit", "20"),
                ("X-RateLimit-Remaining", "0"),
                ("X-RateLimit-Reset", "1795165205000"),
            ],
            &[(Requests, plain, Some(20), Some(0), Some(5))],
        );
        check("deepseek", &[("content-type", "application/json")], &[]);
    }

    #[test]
    fn azure_waits_for_its_renewal_period() {
        let headers = [
            ("retry-after", "1"),
            ("retry-after-ms", "0"),
            ("x-ratelimit-limit-tokens", "1000"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "0"),
            ("x-ratelimit-renewalperiod-tokens", "60"),
        ];
        assert_eq!(wait(&answered(&headers), "azure"), Some(Millis::new(60_000)));
    }

    #[test]
    fn retry_after_is_read_in_three_forms() {
        let read = |name, value| retry_after(&answered(&[(name, value)])).map(Millis::count);
        assert_eq!(read("retry-after-ms", "1500.5"), Some(1501));
        assert_eq!(read("retry-after", "7.66"), Some(7660));
        assert_eq!(read("Retry-After", "Fri, 20 Nov 2026 09:00:30 GMT"), Some(30_000));
        assert_eq!(read("retry-after", "Fri, 20 Nov 2026 08:00:30 GMT"), Some(0));
        for bad in ["-1", "NaN", "inf", "soon", "1e9", "99999999999"] {
            assert_eq!(read("retry-after", bad), None, "{bad}");
        }
    }

    #[test]
    fn instants_are_corrected_by_the_providers_clock() {
        let headers = [("date", "Fri, 20 Nov 2026 08:59:00 GMT")];
        let reset = answered(&headers).reset("2026-11-20T08:59:30Z");
        assert_eq!(reset, Some(Timestamp::from_seconds(NOW + 30)));
    }

    #[test]
    fn durations_add_up() {
        let read = |text| duration(text).map(Millis::count);
        assert_eq!(read("1h2m3s"), Some(3_723_000));
        assert_eq!(read("2m59.56s"), Some(179_560));
        assert_eq!(read("1ms"), Some(1));
        assert_eq!(read("15us"), Some(1));
        assert_eq!(read("5µs"), Some(1));
        for bad in ["", "s", "5", "5x", "-1s", "1.2.3s", "1h2", "99999999999999999999h"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_value_is_read_or_left(value in "\\PC{0,20}", name in 0_usize..6) {
            let names = ["retry-after", "retry-after-ms", "date", "x-ratelimit-reset-requests",
                "x-ratelimit-limit-requests", "anthropic-ratelimit-unified-5h-utilization"];
            let headers = [(names[name], value.as_str()), ("x-ratelimit-remaining-requests", "0")];
            let _ = wait(&answered(&headers), "openai");
        }
    }
}
