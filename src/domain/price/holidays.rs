//! Public holidays that change a price.

use crate::domain::time::Timestamp;

/// Public holidays of China, as first and last days counted from 1970-01-01, by its State Council's notice for
/// 2026. Days of other years are not known: the dearer price is taken on them.
const CHINA: [(i64, i64); 7] = [
    (20_454, 20_456),
    (20_499, 20_507),
    (20_547, 20_549),
    (20_574, 20_578),
    (20_623, 20_625),
    (20_721, 20_723),
    (20_727, 20_733),
];
/// China's clocks are ahead of UTC by this many seconds.
const AHEAD: i64 = 8 * 3600;

/// Says whether it is a public holiday in China at that moment.
pub(super) fn in_china(at: Timestamp) -> bool {
    let day = (at.seconds() + AHEAD).div_euclid(86_400);
    CHINA.iter().any(|(first, last)| (*first..=*last).contains(&day))
}
