//! How fast each tenant calls: one token bucket a tenant, forgotten when it is full again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::call::TenantId;
use crate::domain::rate::{Bucket, CallRate};
use crate::domain::time::{Millis, Timestamp};

/// The buckets that are kept before the full ones are looked for.
const SWEEP: usize = 4_096;

/// The buckets of all tenants.
#[derive(Default)]
pub struct Paces(Mutex<HashMap<TenantId, (CallRate, Bucket)>>);

impl Paces {
    /// Takes one call of a tenant, or says how long to wait. A rate that was changed starts anew.
    pub fn take(&self, tenant: TenantId, rate: CallRate, now: Timestamp) -> Result<(), Millis> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= SWEEP {
            buckets.retain(|_, (_, bucket)| !bucket.is_full(now));
        }
        let fresh = || (rate, Bucket::new(rate, now));
        let entry = buckets.entry(tenant).or_insert_with(fresh);
        if entry.0 != rate {
            *entry = fresh();
        }
        entry.1.take(now)
    }

    /// Puts back the call of one that was refused after all.
    pub fn refund(&self, tenant: TenantId) {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bucket)) = buckets.get_mut(&tenant) {
            bucket.refund();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenant_has_its_own_pace_and_a_refusal_costs_none() {
        let (paces, now) = (Paces::default(), Timestamp::EPOCH);
        let rate = CallRate::parse("1 calls/60s").expect("a rate");
        let (one, two) = (TenantId::new("one"), TenantId::new("two"));
        assert_eq!(paces.take(one, rate, now), Ok(()));
        assert_eq!(paces.take(one, rate, now), Err(Millis::new(60_000)));
        assert_eq!(paces.take(two, rate, now), Ok(()));
        paces.refund(one);
        assert_eq!(paces.take(one, rate, now), Ok(()));
        let faster = CallRate::parse("2 calls/60s").expect("a rate");
        assert_eq!(paces.take(one, faster, now), Ok(()));
    }
}
