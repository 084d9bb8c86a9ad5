//! Provider answers, one per line.

use super::usage::{Left, Object, answer, each_object};
use super::{Decoder, Origin, Place};
use crate::domain::call::{Call, CallId, ModelId, Provider, TenantId};
use crate::domain::claim::Claim;
use crate::domain::label::Labels;
use crate::domain::observation::Decoded;
use crate::domain::time::Timestamp;

/// Reads answers of `OpenAI`, Anthropic, Gemini and those that speak like them. The end of a stream that
/// wraps the answer (`response.completed`) is read as the answer.
pub struct Body {
    path: Vec<u8>,
    tenant: Option<TenantId>,
    first_seen: Timestamp,
    rank: u32,
    labels: Labels,
}

impl Body {
    /// Starts on one file.
    pub fn new(origin: &Origin<'_>) -> Body {
        Body {
            path: origin.path.as_os_str().as_encoded_bytes().to_vec(),
            tenant: origin.tenant,
            first_seen: origin.first_seen,
            rank: origin.rank,
            labels: Labels::default(),
        }
    }

    fn call(&mut self, line: &Object<'_>, written: &str, place: Place) -> Result<Call, Left> {
        let wrapped = line.object("response");
        let body = if wrapped.has("usage") { &wrapped } else { line };
        let answer = answer(body)?;
        let id = match &answer.id {
            Some(id) => CallId::of("provider-body", &[id.as_bytes()]),
            // Embeddings have no id and no time, so that equal answers are common: the place tells them apart.
            None => {
                CallId::of("provider-body", &[&self.path, &place.offset.to_le_bytes(), written.as_bytes()])
            }
        };
        let tenant = self.tenant.unwrap_or_else(|| echoed(body, &mut self.labels));
        let model = ModelId::from_label(self.labels.label(known(&answer.model)));
        let mut call = Call::new(id, answer.at.unwrap_or(self.first_seen), tenant, model);
        call.claim = Claim { order: Origin::order(self.rank, place.offset), ..Claim::default() };
        call.provider = Provider::from_label(self.labels.label(answer.provider));
        call.tier = answer.tier;
        call.region = answer.region;
        call.tokens = answer.tokens;
        call.searches = answer.searches;
        call.reported = answer.reported;
        Ok(call)
    }
}

impl Decoder for Body {
    fn line(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        each_object(line, place, out, |object, written| self.call(object, written, place));
    }
}

/// Returns the tenant that the body echoes from its request.
fn echoed(body: &Object<'_>, labels: &mut Labels) -> TenantId {
    let metadata = body.object("metadata");
    let name = body
        .text("user")
        .or_else(|| metadata.first_text(&["tenant", "tenant_id", "user_id", "user"]))
        .or_else(|| body.text("safety_identifier"));
    TenantId::from_label(labels.label(known(&name.unwrap_or_default())))
}

fn known(name: &str) -> &str {
    if name.is_empty() { "unknown" } else { name }
}
