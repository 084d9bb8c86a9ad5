//! The applications of the demo: they send each planned call when its time has come.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::Semaphore;

use super::request::request;
use super::traffic::Planned;
use crate::domain::time::Timestamp;

/// Calls in flight at most: what comes on top of them waits, as it does in a real application.
const IN_FLIGHT: usize = 256;

/// Whom the applications ask, and as whom.
pub struct Applications {
    /// Where the guard listens.
    pub guard: SocketAddr,
    /// The tenants' keys, by their names.
    pub keys: HashMap<&'static str, String>,
    /// How many seconds of the plan pass in one.
    pub speed: u32,
}

impl Applications {
    /// Sends the calls of a plan that begins now at `from`; ends with the plan. Answers are read to their end.
    pub async fn run(self, calls: Vec<Planned>, from: Timestamp) {
        let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let room = Arc::new(Semaphore::new(IN_FLIGHT));
        let start = tokio::time::Instant::now();
        for call in calls.into_iter().filter(|call| call.at > from) {
            let Some(key) = self.keys.get(call.tenant) else { continue };
            let after = Duration::from_millis(call.at.since(from).count()) / self.speed.max(1);
            tokio::time::sleep_until(start + after).await;
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
            let posted = request(&call);
            let built = hyper::Request::post(format!("http://{}{}", self.guard, posted.path))
                .header("content-type", "application/json")
                .header("authorization", format!("Bearer {key}"))
                .body(Full::new(Bytes::from(posted.body)));
            let Ok(built) = built else { continue };
            let asked = client.request(built);
            tokio::spawn(async move {
                if let Ok(mut answer) = asked.await {
                    while let Some(Ok(_)) = answer.body_mut().frame().await {}
                }
                drop(permit);
            });
        }
    }
}
