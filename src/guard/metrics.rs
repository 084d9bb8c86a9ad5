//! What the guard counts, for Prometheus.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::domain::call::Call;
use crate::domain::cap::Fraction;
use crate::domain::closing::{Closing, Oddity};

/// Labels of a call that is over.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    provider: String,
    model: String,
    closing: &'static str,
}

/// Labels of tokens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    provider: String,
    model: String,
    class: &'static str,
}

/// Labels of a refusal: the code that the caller gets, and the cap's scope where one stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    code: &'static str,
    cap: String,
}

/// Labels of a share of a cap that was reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WarningLabels {
    cap: String,
    share: String,
}

/// Labels of a call that was sent as another model.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DowngradeLabels {
    from: String,
    to: String,
}

/// Labels of what is told by its kind alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

/// All that is counted. Names of models and scopes that callers make up are bounded by `MOST_NAMES`.
pub struct Metrics {
    registry: Registry,
    calls: Family<CallLabels, Counter>,
    tokens: Family<TokenLabels, Counter>,
    spend: Family<CallLabels, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    oddities: Family<KindLabels, Counter>,
    warnings: Family<WarningLabels, Counter>,
    downgrades: Family<DowngradeLabels, Counter>,
    /// Holds that are open.
    pub holds: Gauge,
    /// Nanodollars that are held.
    pub held: Gauge,
    /// Connections.
    pub connections: Gauge,
    /// Seconds until the head of an answer.
    upstream: Histogram,
    /// Seconds that the guard itself took before a request was sent.
    overhead: Histogram,
    names: std::sync::Mutex<std::collections::HashSet<String>>,
}

/// The most different names that labels have; later ones are counted as `other`.
const MOST_NAMES: usize = 512;

impl Default for Metrics {
    fn default() -> Metrics {
        let histogram =
            |from: f64| Histogram::new(std::iter::successors(Some(from), |edge| Some(edge * 4.0)).take(10));
        let mut metrics = Metrics {
            registry: Registry::with_prefix("outlay"),
            calls: Family::default(),
            tokens: Family::default(),
            spend: Family::default(),
            refusals: Family::default(),
            oddities: Family::default(),
            warnings: Family::default(),
            downgrades: Family::default(),
            holds: Gauge::default(),
            held: Gauge::default(),
            connections: Gauge::default(),
            upstream: histogram(0.01),
            overhead: histogram(0.000_05),
            names: std::sync::Mutex::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("calls", "Calls that are over", self.calls.clone());
        registry.register("tokens", "Tokens by class", self.tokens.clone());
        registry.register("spend_nanodollars", "Money charged, 1e-9 dollars", self.spend.clone());
        registry.register("refusals", "Requests that were not passed on", self.refusals.clone());
        registry.register("oddities", "What the operator should look at", self.oddities.clone());
        registry.register("warnings", "Shares of caps that were reached", self.warnings.clone());
        registry.register("downgrades", "Calls sent as a cheaper model", self.downgrades.clone());
        registry.register("holds_open", "Holds that are open", self.holds.clone());
        registry.register("held_nanodollars", "Money held by calls in flight", self.held.clone());
        registry.register("connections", "Connections of clients", self.connections.clone());
        let unit = Unit::Seconds;
        let (upstream, overhead) = (self.upstream.clone(), self.overhead.clone());
        registry.register_with_unit(
            "upstream_latency",
            "Until the head of an answer",
            unit.clone(),
            upstream,
        );
        registry.register_with_unit("guard_overhead", "Before a request is sent", unit, overhead);
    }

    /// Counts a call that is over.
    pub fn closed(&self, call: &Call, closing: Closing) {
        let word = match closing {
            Closing::Settled(_) => "settled",
            Closing::Uncertain(_) => "uncertain",
            Closing::Voided => "voided",
        };
        let (provider, model) = (call.provider.as_str().to_owned(), self.name(call.model.as_str()));
        let labels = CallLabels { provider: provider.clone(), model: model.clone(), closing: word };
        self.calls.get_or_create(&labels).inc();
        self.spend.get_or_create(&labels).inc_by(closing.state().charged().money().nanos().unsigned_abs());
        for (class, tokens) in [
            ("input", call.tokens.input),
            ("cache_read", call.tokens.cache_read),
            ("cache_write_short", call.tokens.cache_write_short),
            ("cache_write_long", call.tokens.cache_write_long),
            ("output", call.tokens.output),
        ] {
            let labels = TokenLabels { provider: provider.clone(), model: model.clone(), class };
            self.tokens.get_or_create(&labels).inc_by(tokens.count());
        }
    }

    /// Counts a refusal by its code, and by the scope of the cap that stands in the way.
    pub fn refused(&self, code: &'static str, cap: Option<&str>) {
        let labels = RefusalLabels { code, cap: cap.map_or_else(String::new, |cap| self.name(cap)) };
        self.refusals.get_or_create(&labels).inc();
    }

    /// Counts a share of a cap that was reached.
    pub fn warned(&self, cap: &str, share: Fraction) {
        let labels = WarningLabels { cap: self.name(cap), share: share.to_string() };
        self.warnings.get_or_create(&labels).inc();
    }

    /// Counts a call that was sent as a cheaper model.
    pub fn downgraded(&self, from: &str, to: &str) {
        self.downgrades.get_or_create(&DowngradeLabels { from: self.name(from), to: self.name(to) }).inc();
    }

    /// Counts something odd.
    pub fn odd(&self, oddity: Oddity) {
        let kind = match oddity {
            Oddity::BoundPassed => "bound_passed",
            Oddity::BilledRefusal => "billed_refusal",
            Oddity::UsageShrank => "usage_shrank",
        };
        self.oddities.get_or_create(&KindLabels { kind }).inc();
    }

    /// Counts the time until the head of an answer.
    pub fn answered(&self, after: Duration) {
        self.upstream.observe(after.as_secs_f64());
    }

    /// Counts the guard's own time.
    pub fn took(&self, time: Duration) {
        self.overhead.observe(time.as_secs_f64());
    }

    /// Writes all of it as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // A `String` takes all that is written to it.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Returns a name as a label, while there are not too many.
    fn name(&self, name: &str) -> String {
        let mut names = self.names.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if names.contains(name) || (names.len() < MOST_NAMES && names.insert(name.to_owned())) {
            name.to_owned()
        } else {
            "other".to_owned()
        }
    }
}

/// Calls let through and refused since the start, for the heartbeat.
#[derive(Default)]
pub struct Tally {
    /// Calls let through.
    pub admitted: AtomicU64,
    /// Calls refused.
    pub refused: AtomicU64,
    /// Calls in flight.
    pub in_flight: AtomicU64,
}
