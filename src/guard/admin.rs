//! The admin listener: health and metrics. Nothing here changes anything.

use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::body::Body;
use super::door;
use super::house::{House, Stage};

/// Answers one request.
pub fn answer(house: &House, request: Request<Incoming>) -> Response<Body> {
    let (head, _) = request.into_parts();
    if let Err(refusal) = door::check(&head, &house.names) {
        return text(StatusCode::FORBIDDEN, refusal.code());
    }
    let known = matches!(head.uri.path(), "/health/live" | "/health/ready" | "/metrics");
    if !known || head.uri.query().is_some() {
        return text(StatusCode::NOT_FOUND, "no such page");
    }
    if head.method != Method::GET {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return response;
    }
    match head.uri.path() {
        "/health/live" => text(StatusCode::OK, "live"),
        "/health/ready" => ready(house),
        _ => {
            let mut response = text(StatusCode::OK, &house.metrics.text());
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            response
        }
    }
}

/// Says whether calls are let through just now.
fn ready(house: &House) -> Response<Body> {
    if *house.stage.borrow() > Stage::Open {
        return text(StatusCode::SERVICE_UNAVAILABLE, "stopping");
    }
    match &house.vault.view().fault {
        Some(fault) => text(StatusCode::SERVICE_UNAVAILABLE, &format!("no call is let through: {fault}")),
        None => text(StatusCode::OK, "ready"),
    }
}

fn text(status: StatusCode, words: &str) -> Response<Body> {
    let mut response = Response::new(Body::whole(format!("{}\n", words.trim_end())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
