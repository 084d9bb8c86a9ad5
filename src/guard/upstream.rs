//! The way to the providers: where each request goes is decided by the configuration alone.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::secret::Secret;
use crate::config::paths::Env;
use crate::config::{UpstreamSetting, is_forbidden};
use crate::domain::time::Timestamp;
use crate::wire::dialect::Dialect;
use crate::wire::dialect::header::{Way, passes};
use crate::wire::dialect::limits::http_date;
use crate::wire::dialect::route::{Operation, Route};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(30);
/// The most headers of an answer.
const MAX_HEADERS: usize = 128;
/// The longest head of an answer, bytes.
const MAX_HEAD: usize = 64 << 10;

/// One provider.
pub struct Upstream {
    /// Its settings.
    pub setting: UpstreamSetting,
    key: Option<Secret>,
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
}

/// Why no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// No connection was made: not a byte was sent.
    NotSent,
    /// The connection broke before the head of an answer.
    Broken,
}

impl Upstream {
    /// Finds the key and prepares the connections.
    ///
    /// The error says in plain words what is wrong with the key.
    pub fn new(setting: UpstreamSetting, env: Env<'_>) -> Result<Upstream, String> {
        let key =
            Secret::find(&setting.key, env).map_err(|why| format!("upstream {}: {why}", setting.name))?;
        let resolver = Resolver { gai: GaiResolver::new(), loopback: setting.base_url.is_loopback() };
        let mut http = HttpConnector::new_with_resolver(resolver);
        http.set_connect_timeout(Some(CONNECT));
        http.set_nodelay(true);
        http.enforce_http(false);
        let builder = HttpsConnectorBuilder::new().with_webpki_roots();
        // Plain http was allowed, or not, where the URL was checked.
        let https = builder.https_or_http().enable_http1().wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http1_max_headers(MAX_HEADERS)
            .http1_max_buf_size(MAX_HEAD)
            .build(https);
        Ok(Upstream { setting, key, client })
    }

    /// Builds what is sent: constant host and path, listed headers, and the provider's own key.
    pub fn request(
        &self,
        route: &Route,
        model: Option<&str>,
        (from, body): (&HeaderMap, Bytes),
    ) -> Option<Request<Full<Bytes>>> {
        let base = &self.setting.base_url;
        let below = route.upstream(model)?;
        let host = from.get(HOST).filter(|_| mutant!("host-decides-the-route"));
        let uri = Uri::builder()
            .scheme(base.scheme)
            .authority(host.map_or(base.authority.as_bytes(), HeaderValue::as_bytes))
            .path_and_query(format!("{}{below}", base.path))
            .build()
            .ok()?;
        let method = if route.operation == Operation::Models { Method::GET } else { Method::POST };
        let mut request = Request::new(Full::new(body));
        (*request.method_mut(), *request.uri_mut()) = (method.clone(), uri);
        let headers = request.headers_mut();
        *headers = listed(Way::Upstream, from);
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if method == Method::POST {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        self.authorize(headers)?;
        Some(request)
    }

    /// Adds the provider's key as its API wants it.
    fn authorize(&self, headers: &mut HeaderMap) -> Option<()> {
        let Some(key) = &self.key else { return Some(()) };
        match self.setting.dialect {
            Dialect::OpenAi | Dialect::Compatible => headers.insert(AUTHORIZATION, key.header("Bearer ")?),
            Dialect::Gemini => headers.insert("x-goog-api-key", key.header("")?),
            // Newer versions of the API take the key as a bearer's; both forms are there to be used.
            Dialect::Anthropic => {
                let bearer = headers.get("anthropic-version").is_some_and(|version| version >= "2026-10-21");
                headers.entry("anthropic-version").or_insert(HeaderValue::from_static("2023-06-01"));
                if bearer {
                    headers.insert(AUTHORIZATION, key.header("Bearer ")?)
                } else {
                    headers.insert("x-api-key", key.header("")?)
                }
            }
        };
        Some(())
    }

    /// Asks for the provider's time: any answer has it in its head. The request carries no key and costs nothing.
    pub async fn date(&self) -> Option<Timestamp> {
        let base = &self.setting.base_url;
        let uri = Uri::builder()
            .scheme(base.scheme)
            .authority(base.authority.as_str())
            .path_and_query(format!("{}/models", base.path))
            .build()
            .ok()?;
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = uri;
        let answer = tokio::time::timeout(CONNECT, self.client.request(request)).await.ok()?.ok()?;
        date(answer.headers())
    }

    /// Sends a request and waits for the head of the answer. Redirects are not followed, and nothing is
    /// tried again once a byte was sent.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, NoAnswer> {
        let headers = mutant!("redirects-on").then(|| request.headers().clone());
        let sent = self.client.request(request).await;
        let place = sent.as_ref().ok().and_then(|answer| answer.headers().get(LOCATION)?.to_str().ok());
        if let (Some(headers), Some(uri)) = (headers, place.and_then(|place| place.parse().ok())) {
            let mut again = Request::new(Full::new(Bytes::new()));
            (*again.uri_mut(), *again.headers_mut()) = (uri, headers);
            drop(tokio::time::timeout(Duration::from_millis(100), self.client.request(again)).await);
        }
        sent.map_err(|error| if error.is_connect() { NoAnswer::NotSent } else { NoAnswer::Broken })
    }
}

/// Reads the time of an answer's head.
pub fn date(headers: &HeaderMap) -> Option<Timestamp> {
    headers.get(http::header::DATE)?.to_str().ok().and_then(http_date)
}

/// Returns the headers that may pass.
pub fn listed(way: Way, from: &HeaderMap) -> HeaderMap {
    let connection: Vec<&str> =
        from.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok()).collect();
    let connection = connection.join(",");
    let mut headers = HeaderMap::new();
    for (name, value) in from {
        if passes(way, name.as_str(), value.as_bytes(), &connection) {
            headers.append(HeaderName::clone(name), value.clone());
        }
    }
    headers
}

/// Resolves names, and leaves out addresses that no provider has: they would be the machine's own, or a
/// cloud's metadata. It is asked at each connection, so a name cannot change its mind after a check.
#[derive(Clone)]
struct Resolver {
    gai: GaiResolver,
    loopback: bool,
}

impl tower_service::Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.gai.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (found, loopback) = (self.gai.call(name), self.loopback);
        Box::pin(async move {
            let allowed =
                |address: &SocketAddr| !is_forbidden(address.ip()) && address.ip().is_loopback() == loopback;
            let addresses: Vec<SocketAddr> = found.await?.filter(allowed).collect();
            if addresses.is_empty() {
                return Err(std::io::Error::other("the name leads to no address of a provider"));
            }
            Ok(addresses.into_iter())
        })
    }
}
