//! Quantiles of lengths of time from counts in buckets that grow with the length: two sketches add up to one.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use super::cap::Fraction;
use super::time::Millis;

/// Buckets between a power of two and the next, as a power of two: a quantile is off by a 32nd at most.
const PARTS: u32 = 4;

/// How many lengths fell into each bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    counts: BTreeMap<u16, u64>,
    count: u64,
}

impl Sketch {
    /// Adds a length.
    pub fn add(&mut self, length: Millis) {
        *self.counts.entry(bucket(length.count())).or_default() += 1;
        self.count += 1;
    }

    /// Returns how many lengths are in it.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns how many lengths lie below each of these bounds and not below the one before, in rising order, and
    /// last how many lie above all. A length in the bucket of a bound counts below it.
    pub fn below(&self, bounds: &[Millis]) -> Vec<u64> {
        let mut counts = vec![0; bounds.len() + 1];
        for (bucket, count) in &self.counts {
            let place = bounds.partition_point(|bound| bound.count() < middle(*bucket));
            if let Some(sum) = counts.get_mut(place) {
                *sum += count;
            }
        }
        counts
    }

    /// Returns the length that so large a part of all is not longer than, off by a 32nd of it at most; `None`
    /// where there are none.
    pub fn quantile(&self, part: Fraction) -> Option<Millis> {
        let rank = (u128::from(self.count) * u128::from(part.basis())).div_ceil(10_000).max(1);
        let mut seen = 0_u128;
        for (bucket, count) in &self.counts {
            seen += u128::from(*count);
            if seen >= rank {
                return Some(Millis::new(middle(*bucket)));
            }
        }
        None
    }
}

impl AddAssign<&Sketch> for Sketch {
    fn add_assign(&mut self, other: &Sketch) {
        for (bucket, count) in &other.counts {
            *self.counts.entry(*bucket).or_default() += count;
        }
        self.count += other.count;
    }
}

/// Returns the bucket of a value: small values have one each, larger ones share those of their power of two.
fn bucket(value: u64) -> u16 {
    let power = value.max(1).ilog2().saturating_sub(PARTS);
    let part = u16::try_from(value >> power).unwrap_or(0);
    u16::try_from(power << PARTS).unwrap_or(0) + part
}

/// Returns the value in the middle of a bucket.
fn middle(bucket: u16) -> u64 {
    let power = u32::from((bucket >> PARTS).saturating_sub(1));
    let part = u64::from(bucket) - (u64::from(power) << PARTS);
    let width = 1_u64 << power;
    (part << power).saturating_add((width - 1) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fraction(basis: u16) -> Fraction {
        Fraction::from_basis(basis).expect("a fraction")
    }

    fn sketch(values: &[u64]) -> Sketch {
        let mut sketch = Sketch::default();
        for value in values {
            sketch.add(Millis::new(*value));
        }
        sketch
    }

    #[test]
    fn few_values_are_told_as_they_are() {
        let sketch = sketch(&[7, 3, 11, 5]);
        let told = [2_500, 5_000, 9_500].map(|basis| sketch.quantile(fraction(basis)).map(Millis::count));
        assert_eq!((told, sketch.count()), ([Some(3), Some(5), Some(11)], 4));
        assert_eq!(Sketch::default().quantile(fraction(9_500)), None);
    }

    /// Lengths of calls, and lengths that no call has.
    fn lengths() -> impl Strategy<Value = Vec<u64>> {
        let length = prop_oneof![8 => 0..600_000_u64, 1 => 0..40_u64, 1 => any::<u64>()];
        proptest::collection::vec(length, 1..300)
    }

    proptest! {
        #[test]
        fn a_quantile_is_off_by_a_32nd_at_most(mut values in lengths(), basis in 1..=10_000_u16) {
            let told = sketch(&values).quantile(fraction(basis)).expect("there are some").count();
            values.sort_unstable();
            let rank = (values.len() * usize::from(basis)).div_ceil(10_000).max(1);
            let exact = values[rank - 1];
            prop_assert!(told.abs_diff(exact) <= exact / 32, "{told} for {exact}");
        }

        #[test]
        fn each_length_lies_in_one_part(values in lengths(), mut bounds in proptest::collection::vec(1_u64..600_000, 0..8)) {
            bounds.sort_unstable();
            let bounds: Vec<Millis> = bounds.into_iter().map(Millis::new).collect();
            let parts = sketch(&values).below(&bounds);
            prop_assert_eq!(parts.len(), bounds.len() + 1);
            prop_assert_eq!(parts.iter().sum::<u64>(), values.len() as u64);
        }

        #[test]
        fn two_sketches_add_up_to_one(one in lengths(), other in lengths()) {
            let mut merged = sketch(&one);
            merged += &sketch(&other);
            prop_assert_eq!(merged, sketch(&[one, other].concat()));
        }
    }
}
