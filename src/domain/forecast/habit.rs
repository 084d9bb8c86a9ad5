//! What the past teaches: the hours of a day, how the last ones differ, and how far that was off.

use super::{HOUR, HOURS_NEEDED, Past, Present, WHOLE};

/// Hours of data before which a method is not tried on the past.
const TRIED_AFTER: usize = 6;
/// How often a horizon has to fit into the tries, end to end, for its error to be known.
const TRIES: usize = 3;
/// Hours ahead at which the error is looked at.
const HORIZONS: [usize; 15] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 36, 48, 72, 96, 120, 168];
/// Methods are compared by their errors up to this horizon; beyond it they are tried every fourth hour alone.
const COMPARED: usize = 24;
/// The range is wider by so many hours in those known: what is known of few hours is less than what can come.
const FEW: i128 = 8;
/// Tries that overlap tell less than their number: so many tries a horizon's hours are left out of the tails.
const OVERLAP: usize = 10;
/// Complete hours that say how the present differs from the past; each weighs twice the one before it.
const RECENT: usize = 4;
/// What came is at most taken for so much of what was foreseen: a thousand times.
const MOST_OFF: i128 = 1_000 * WHOLE;
/// The most that the last hours raise those of past days. An hour of more than this runs away.
const MOST_RAISED: i128 = 3 * WHOLE;

/// How far a method was off at a horizon: what came, as a share of what was foreseen, of the lowest and
/// the highest tenth of all tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Error {
    /// Hours ahead.
    pub(super) hours: usize,
    /// Of the lowest tenth.
    pub(super) low: i128,
    /// Of the highest.
    pub(super) high: i128,
}

/// What is known of how an account spends. Made once an hour; a [`super::Forecast`] of it costs little.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Habit {
    past: Past,
    count: Count,
    /// What fits the past best, and how far it was off; nothing where too little is known.
    learned: Option<(Shape, Vec<Error>)>,
}

impl Habit {
    /// Learns from the past. With less than [`HOURS_NEEDED`] of data there is nothing to learn.
    pub fn of(past: Past) -> Habit {
        let mut count = Count::default();
        let (mut day, mut flat) = (Tries::default(), Tries::default());
        let enough = past.hours() >= HOURS_NEEDED;
        for (index, nanos) in past.spent.iter().enumerate() {
            if enough && index >= TRIED_AFTER {
                let rest = past.spent.get(index..).unwrap_or_default();
                day.take(&count.rhythm(Shape::Day, &past, index, None), rest);
                flat.take(&count.rhythm(Shape::Flat, &past, index, None), rest);
            }
            count.push(past.first + to_i64(index), *nanos);
        }
        let (shape, tries) = if flat.off < day.off { (Shape::Flat, flat) } else { (Shape::Day, day) };
        let learned = enough.then(|| (shape, tries.into_errors(count.hours)));
        Habit { past, count, learned }
    }

    /// Returns what each hour is like now, and how far that was off before.
    pub(super) fn now(&self, present: Present) -> Option<(Rhythm, &[Error])> {
        let (shape, errors) = self.learned.as_ref()?;
        Some((self.count.rhythm(*shape, &self.past, self.past.spent.len(), Some(present)), errors))
    }
}

/// Sums of the hours seen so far, by hour of day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Count {
    sums: [i128; 24],
    days: [i128; 24],
    total: i128,
    hours: i128,
}

/// What the hours of a day are taken to be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Each as the same hour of past days.
    Day,
    /// All alike.
    Flat,
}

impl Count {
    fn push(&mut self, hour: i64, nanos: i64) {
        let place = place(hour);
        self.sums[place] += i128::from(nanos);
        self.days[place] += 1;
        self.total += i128::from(nanos);
        self.hours += 1;
    }

    /// Returns what each hour of day comes to; the mean of all hours counts as one more day of each.
    fn usual(&self, shape: Shape) -> [i128; 24] {
        let mean = if self.hours == 0 { 0 } else { self.total / self.hours };
        let mut usual = [mean; 24];
        if shape == Shape::Day {
            for (index, usual) in usual.iter_mut().enumerate() {
                *usual = (self.sums[index] + mean) / (self.days[index] + 1);
            }
        }
        usual
    }

    /// Returns the rhythm as it is seen before hour `index`, or within it where the present is known.
    fn rhythm(&self, shape: Shape, past: &Past, index: usize, present: Option<Present>) -> Rhythm {
        let days = self.usual(shape);
        let hour = past.first + to_i64(index);
        let lasts = last_hours(&days, past, index, present);
        let weights = (0..RECENT).rev();
        let (mut was, mut usual) = (0, 0);
        for ([spent, common], weight) in lasts.iter().zip(weights) {
            was += spent << weight;
            usual += common << weight;
        }
        let prior = shape.prior();
        let raised =
            if usual == 0 { WHOLE } else { (4 * was + prior * usual) * WHOLE / ((4 + prior) * usual) };
        // What runs away goes on as fast as it runs now.
        let [spent, common] = lasts.first().copied().unwrap_or_default();
        let runs = spent * WHOLE > common * MOST_RAISED;
        let burn = present.map_or(spent, |present| i128::from(present.burn.nanos().max(0)));
        let added = if runs { (burn - days[place(hour)] * MOST_RAISED / WHOLE).max(0) } else { 0 };
        let raised = raised.min(MOST_RAISED) - WHOLE;
        Rhythm { usual: days, hour, raised, added, lasts: shape.lasts() }
    }
}

/// Returns what each of the last hours came to and what is usual, counted back from now: an hour of the clock
/// lies in two of them.
fn last_hours(days: &[i128; 24], past: &Past, index: usize, present: Option<Present>) -> Vec<[i128; 2]> {
    let (whole, now) = (i128::from(HOUR), present.unwrap_or_default());
    let gone = i128::from(now.now.millis().rem_euclid(HOUR));
    let usual = |at: usize| days[place(past.first + to_i64(at))];
    let share = |at: usize, length: i128| {
        let spent = past.spent.get(at).map_or(0, |nanos| i128::from(*nanos));
        [spent, usual(at)].map(|nanos| nanos * length / whole)
    };
    let mut newer = [i128::from(now.running.nanos().max(0)), usual(index) * gone / whole];
    let mut lasts = Vec::with_capacity(RECENT);
    for at in (0..index).rev().take(RECENT) {
        let older = share(at, whole - gone);
        lasts.push([newer[0] + older[0], newer[1] + older[1]]);
        newer = share(at, gone);
    }
    lasts
}

impl Shape {
    /// What the usual hours weigh against the last ones, in quarters.
    const fn prior(self) -> i128 {
        match self {
            Shape::Day => 1,
            Shape::Flat => 0,
        }
    }

    /// What is left of a difference after an hour: half of it after half a day, or after three days.
    const fn lasts(self) -> i128 {
        match self {
            Shape::Day => 15_465,
            Shape::Flat => 16_227,
        }
    }
}

fn place(hour: i64) -> usize {
    usize::try_from(hour.rem_euclid(24)).unwrap_or(0)
}

/// What each hour of day comes to, and how the present differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rhythm {
    usual: [i128; 24],
    /// The first hour that is not known.
    hour: i64,
    /// How much more the last hours came to, as a share; less than nothing where it was less.
    raised: i128,
    /// What comes on top in each hour, in nanodollars.
    added: i128,
    lasts: i128,
}

/// How much of a difference is left.
pub(super) struct Ahead(i128);

impl Default for Ahead {
    fn default() -> Ahead {
        Ahead(WHOLE)
    }
}

impl Ahead {
    /// Returns what a whole hour comes to, and goes on to the next.
    pub(super) fn next(&mut self, rhythm: &Rhythm, hour: i64) -> i128 {
        let (left, usual) = (self.0, rhythm.usual[place(hour)]);
        self.0 = left * rhythm.lasts / WHOLE;
        let raised = WHOLE + rhythm.raised * left / WHOLE;
        usual * raised / WHOLE + rhythm.added * left / WHOLE
    }
}

/// What a method was off by, each time it was tried, for each of [`HORIZONS`].
#[derive(Default)]
struct Tries {
    shares: [Vec<i128>; HORIZONS.len()],
    /// What it was off by in all, in nanodollars.
    off: i128,
}

impl Tries {
    /// Tries the method on what came in fact.
    fn take(&mut self, rhythm: &Rhythm, came: &[i64]) {
        let mut ahead = Ahead::default();
        let (mut foreseen, mut spent, mut next) = (0_i128, 0_i128, 0);
        let far = if rhythm.hour % 4 == 0 { came.len() } else { COMPARED };
        for (index, nanos) in came.iter().take(far).enumerate() {
            let Some(horizon) = HORIZONS.get(next) else { return };
            foreseen += ahead.next(rhythm, rhythm.hour + to_i64(index));
            spent += i128::from(*nanos);
            if index + 1 == *horizon {
                if foreseen > 0 {
                    self.shares[next].push((spent * WHOLE / foreseen).min(MOST_OFF));
                }
                if *horizon <= COMPARED {
                    self.off += (spent - foreseen).abs() / i128::from(to_i64(*horizon));
                }
                next += 1;
            }
        }
    }

    /// Returns the lowest and the highest tenth at each horizon that was tried often enough.
    fn into_errors(self, known: i128) -> Vec<Error> {
        let mut errors = Vec::new();
        for (hours, mut shares) in HORIZONS.into_iter().zip(self.shares) {
            let overlap = if hours > COMPARED { hours / 4 } else { hours };
            if shares.len() < TRIES * overlap {
                break;
            }
            shares.sort_unstable();
            let (count, last) = (shares.len(), shares.len() - 1);
            let tail = ((count + 1) / 10).saturating_sub(1 + overlap / OVERLAP);
            let wider = |share: i128| WHOLE + (share - WHOLE) * (known + FEW) / known;
            errors.push(Error { hours, low: wider(shares[tail]).max(0), high: wider(shares[last - tail]) });
        }
        errors
    }
}

fn to_i64(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}
