//! What calls were expected to cost before they were made, against what they did: how far that was off.

use std::collections::BTreeMap;

use super::call::{CallId, ModelId};
use super::money::Money;
use super::time::Timestamp;

/// A call that was foreseen, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guess {
    /// The call's row in the ledger.
    pub id: CallId,
    /// When it was made.
    pub at: Timestamp,
    /// Which model was asked.
    pub model: ModelId,
    /// What it was expected to cost.
    pub predicted: Money,
    /// What it cost.
    pub actual: Money,
}

impl Guess {
    /// Returns how far it was off, in basis points of what the call cost: above nothing where too much was
    /// expected. `None` where the call cost nothing.
    pub fn off(&self) -> Option<i64> {
        off(self.predicted, self.actual)
    }

    /// Returns how much money it was off by, either way.
    pub fn gap(&self) -> u64 {
        self.predicted.nanos().abs_diff(self.actual.nanos())
    }
}

/// Returns how far a sum was off, in basis points of what it came to.
fn off(predicted: Money, actual: Money) -> Option<i64> {
    let (predicted, actual) = (i128::from(predicted.nanos()), i128::from(actual.nanos()));
    if actual <= 0 {
        return None;
    }
    Some(i64::try_from((predicted - actual) * 10_000 / actual).unwrap_or(i64::MAX))
}

/// How far the guesses of some calls were off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guessed {
    /// Calls that were foreseen.
    pub calls: usize,
    /// What they were expected to cost together.
    pub predicted: Money,
    /// What they cost.
    pub actual: Money,
    /// How far each was off, those that cost something, in rising order.
    offs: Vec<i64>,
}

impl Guessed {
    /// Returns how far these guesses were off.
    fn of<'a>(guesses: impl IntoIterator<Item = &'a Guess>) -> Guessed {
        let mut sum = Guessed::default();
        for guess in guesses {
            sum.calls += 1;
            sum.predicted += guess.predicted;
            sum.actual += guess.actual;
            sum.offs.extend(guess.off());
        }
        sum.offs.sort_unstable();
        sum
    }

    /// Returns the error that half of the calls are below, in basis points.
    pub fn median(&self) -> Option<i64> {
        self.offs.get(self.offs.len() / 2).copied()
    }

    /// Returns the error, whichever way, that 95 of 100 calls are not above, in basis points.
    pub fn p95(&self) -> Option<i64> {
        let mut sizes: Vec<i64> = self.offs.iter().map(|off| off.saturating_abs()).collect();
        sizes.sort_unstable();
        let rank = (sizes.len() * 95).div_ceil(100);
        sizes.get(rank.checked_sub(1)?).copied()
    }

    /// Returns how far the sum of all is off, in basis points of what was billed.
    pub fn bias(&self) -> Option<i64> {
        off(self.predicted, self.actual)
    }
}

/// Returns how far the guesses of each model were off, the dearest model first, and of all.
pub fn by_model(guesses: &[Guess]) -> (Vec<(ModelId, Guessed)>, Guessed) {
    let mut models: BTreeMap<ModelId, Vec<&Guess>> = BTreeMap::new();
    for guess in guesses {
        models.entry(guess.model).or_default().push(guess);
    }
    let mut models: Vec<(ModelId, Guessed)> =
        models.into_iter().map(|(model, guesses)| (model, Guessed::of(guesses))).collect();
    models.sort_by_key(|(model, guessed)| (std::cmp::Reverse(guessed.actual), *model));
    (models, Guessed::of(guesses))
}

/// Returns the calls whose guess was off by most money, the worst first, at most `most` of them.
pub fn worst(guesses: &[Guess], most: usize) -> Vec<Guess> {
    let mut worst: Vec<Guess> = guesses.iter().filter(|guess| guess.gap() > 0).copied().collect();
    worst.sort_by_key(|guess| (std::cmp::Reverse(guess.gap()), guess.at, guess.id));
    worst.truncate(most);
    worst
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn guess(id: u128, predicted: i64, actual: i64) -> Guess {
        Guess {
            id: CallId::from_bits(id),
            at: Timestamp::EPOCH,
            model: ModelId::new("m"),
            predicted: Money::from_nanos(predicted),
            actual: Money::from_nanos(actual),
        }
    }

    #[test]
    fn errors_are_shares_of_what_was_billed() {
        let guesses = [guess(1, 110, 100), guess(2, 90, 100), guess(3, 100, 100), guess(4, 5, 0)];
        let (models, all) = by_model(&guesses);
        assert_eq!((models.len(), all.calls), (1, 4));
        assert_eq!((all.median(), all.p95(), all.bias()), (Some(0), Some(1_000), Some(166)));
        let ids: Vec<u128> = worst(&guesses, 2).iter().map(|guess| guess.id.bits()).collect();
        assert_eq!(ids, [1, 2]);
    }

    #[test]
    fn without_a_bill_there_is_no_error() {
        assert_eq!((Guessed::default().median(), Guessed::default().p95()), (None, None));
        assert_eq!(by_model(&[guess(1, 5, 0)]).1.bias(), None);
    }

    proptest! {
        #[test]
        fn any_amounts_are_told(pairs in proptest::collection::vec((any::<i64>(), any::<i64>()), 0..40)) {
            let guesses: Vec<Guess> = (0..).zip(&pairs).map(|(id, pair)| guess(id, pair.0, pair.1)).collect();
            let (_, all) = by_model(&guesses);
            prop_assert_eq!(all.calls, pairs.len());
            prop_assert_eq!(all.median().is_some(), pairs.iter().any(|pair| pair.1 > 0));
            prop_assert!(all.p95().is_none_or(|off| off >= 0));
            prop_assert!(worst(&guesses, 10).is_sorted_by_key(|guess| std::cmp::Reverse(guess.gap())));
        }
    }
}
