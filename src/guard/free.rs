//! Requests that their provider documents as free of charge: lists of models, counts of tokens.
//!
//! They take the same way in and out, with the same lists of headers, but nothing is held for them.

use std::sync::Arc;

use http::{HeaderValue, Response};
use http_body_util::{BodyExt, Limited};
use tokio::time::{Instant, timeout_at};

use super::ask::Ask;
use super::body::Body;
use super::house::House;
use super::upstream::listed;
use crate::wire::dialect::header::Way;
use crate::wire::dialect::refusal::Refusal;
use crate::wire::dialect::route::NotServed;

/// The longest answer, bytes.
const MOST: usize = 4 << 20;

/// Passes one on.
pub async fn pass(house: &Arc<House>, ask: Ask) -> Result<Response<Body>, Refusal> {
    let upstream = house.upstreams.get(ask.upstream).ok_or(Refusal::NotServed(NotServed::Path))?;
    let deadline = Instant::now() + upstream.setting.timeout;
    let request = upstream.request(&ask.route, None, (&ask.headers, ask.body)).ok_or(Refusal::Unreachable)?;
    let sent = timeout_at(deadline, upstream.send(request)).await.map_err(|_| Refusal::TimedOut)?;
    let (theirs, body) = sent.map_err(|_| Refusal::Unreachable)?.into_parts();
    house.witness(&theirs.headers);
    if theirs.status.is_redirection() {
        return Err(Refusal::Unreachable);
    }
    let gathered = timeout_at(deadline, Limited::new(body, MOST).collect()).await;
    let gathered = gathered.map_err(|_| Refusal::TimedOut)?.map_err(|_| Refusal::Unreachable)?;
    let mut response = Response::new(Body::whole(gathered.to_bytes()));
    *response.status_mut() = theirs.status;
    *response.headers_mut() = listed(Way::Downstream, &theirs.headers);
    response.headers_mut().insert("x-outlay-cost-usd", HeaderValue::from_static("0.000000000"));
    Ok(response)
}
