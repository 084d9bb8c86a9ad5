//! The one place where a refusal becomes an answer, in the shape that the caller's SDK expects.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::body::Body;
use crate::domain::gate;
use crate::domain::label::Label;
use crate::domain::time::Millis;
use crate::wire::dialect::Dialect;
use crate::wire::dialect::refusal::{Cap, Refusal};

/// Writes a refusal as an answer.
pub fn refuse(refusal: &Refusal, dialect: Dialect) -> Response<Body> {
    let reply = refusal.reply(dialect);
    let mut response = Response::new(Body::whole(Bytes::from(reply.body)));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// Says which cap stopped a call, as the gate judged it.
pub fn cap(why: &gate::Refusal) -> Cap {
    Cap {
        scope: Label::new(&why.touch.account.to_string()),
        unit: why.touch.cap.limit.unit(),
        limit: why.limit,
        exposure: why.spent + u128::from(why.held),
        resets_at: why.resets_at,
    }
}

/// How long a client is asked to wait where calls in flight hold the money, or the books are closed.
pub const SOON: Millis = Millis::new(1_000);
