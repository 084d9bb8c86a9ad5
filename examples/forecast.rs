//! Forecasts for `tests/bench/forecast.py`: reads series of spend, and says what was foreseen and what came.
//!
//! Each line of the input is one series: nanodollars of each hour, oldest first, from midnight of the epoch.
//! Each line of the output is one forecast: which series, hours known, hours ahead, and in nanodollars what
//! came, the middle, and the range, or `-` twice where there is none.

use std::io::{self, BufRead, Write};

use outlay::domain::forecast::{Forecast, HOURS_KEPT, HOURS_NEEDED, Habit, Past, Present};
use outlay::domain::money::Money;
use outlay::domain::time::{Millis, Timestamp};

/// Hours ahead.
const AHEAD: [usize; 7] = [1, 3, 6, 12, 24, 72, 168];
const HOUR: Millis = Millis::from_minutes(60);

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for (series, line) in io::stdin().lock().lines().enumerate() {
        let line = line?;
        let spent: Result<Vec<i64>, _> = line.split_whitespace().map(str::parse).collect();
        let spent = spent.map_err(|error| io::Error::other(format!("line {}: {error}", series + 1)))?;
        tell(series, &spent, &mut out)?;
    }
    out.flush()
}

fn tell(series: usize, spent: &[i64], out: &mut dyn Write) -> io::Result<()> {
    let at = |hour: usize| Timestamp::EPOCH.after(Millis::new(HOUR.count() * hour as u64));
    let kept = usize::try_from(HOURS_KEPT).unwrap_or(usize::MAX);
    for hour in HOURS_NEEDED..spent.len() {
        let first = hour.saturating_sub(kept);
        let known = (first..hour).map(|hour| (at(hour), Money::from_nanos(spent[hour])));
        let habit = Habit::of(Past::new(known, at(hour)));
        let burn = Money::from_nanos(spent[hour - 1]);
        let present = Present { now: at(hour), running: Money::ZERO, burn };
        let forecast = Forecast::new(&habit, present);
        for ahead in AHEAD.into_iter().filter(|ahead| hour + ahead <= spent.len()) {
            let came: i64 = spent[hour..hour + ahead].iter().sum();
            let likely = forecast.until(at(hour + ahead));
            let range = likely
                .range
                .map_or_else(|| "- -".to_owned(), |(low, high)| format!("{} {}", low.nanos(), high.nanos()));
            writeln!(out, "{series} {hour} {ahead} {came} {} {range}", likely.middle.nanos())?;
        }
    }
    Ok(())
}
