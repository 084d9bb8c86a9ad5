//! Which of the simulated provider's APIs a request is for, and who pays.

use hyper::Method;
use hyper::header::HeaderMap;

/// The APIs that are billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Api {
    /// `OpenAI`'s Chat Completions.
    Chat,
    /// `OpenAI`'s Responses.
    Responses,
    /// `OpenAI`'s old Completions.
    Completions,
    /// `OpenAI`'s Embeddings.
    Embeddings,
    /// Anthropic's Messages.
    Messages,
    /// Gemini's `generateContent`.
    Gemini,
}

/// Whose errors and headers an API has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    OpenAi,
    Anthropic,
    Gemini,
}

/// How a stream is asked for by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// The body says whether there is one; if so it comes as events.
    Body,
    /// One body.
    Whole,
    /// As events.
    Events,
    /// As one JSON array.
    Array,
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Something that is billed. The model, where the path names it.
    Call { api: Api, model: Option<String>, framing: Framing },
    /// A token count, free of charge.
    Count(Api),
    /// The list of models.
    Models,
    /// The bill.
    Bill,
    /// A fresh bill.
    Reset,
    /// Nothing that there is.
    Nothing,
}

impl Api {
    /// Returns the word of the bill.
    pub const fn as_str(self) -> &'static str {
        match self {
            Api::Chat => "chat",
            Api::Responses => "responses",
            Api::Completions => "completions",
            Api::Embeddings => "embeddings",
            Api::Messages => "messages",
            Api::Gemini => "gemini",
        }
    }

    pub(super) const fn family(self) -> Family {
        match self {
            Api::Messages => Family::Anthropic,
            Api::Gemini => Family::Gemini,
            _ => Family::OpenAi,
        }
    }
}

/// Finds what a request is for.
pub(super) fn route(method: &Method, path: &str, query: &str) -> Route {
    let post = |route: Route| if method == Method::POST { route } else { Route::Nothing };
    let get = |route: Route| if method == Method::GET { route } else { Route::Nothing };
    let call = |api| post(Route::Call { api, model: None, framing: Framing::Body });
    match path {
        "/v1/chat/completions" => call(Api::Chat),
        "/v1/responses" => call(Api::Responses),
        "/v1/completions" => call(Api::Completions),
        "/v1/embeddings" => call(Api::Embeddings),
        "/v1/messages" => call(Api::Messages),
        "/v1/messages/count_tokens" => post(Route::Count(Api::Messages)),
        "/v1/models" => get(Route::Models),
        "/_sim/bill" => get(Route::Bill),
        "/_sim/reset" => post(Route::Reset),
        _ => post(gemini(path, query)),
    }
}

fn gemini(path: &str, query: &str) -> Route {
    let named = path.strip_prefix("/v1beta/models/").or_else(|| path.strip_prefix("/v1/models/"));
    let Some((model, verb)) = named.and_then(|rest| rest.split_once(':')) else { return Route::Nothing };
    let call = |framing| Route::Call { api: Api::Gemini, model: Some(model.to_owned()), framing };
    match verb {
        "generateContent" => call(Framing::Whole),
        "streamGenerateContent" if query.split('&').any(|pair| pair == "alt=sse") => call(Framing::Events),
        "streamGenerateContent" => call(Framing::Array),
        "countTokens" => Route::Count(Api::Gemini),
        _ => Route::Nothing,
    }
}

/// Returns the key of a request, wherever its API carries it.
pub(super) fn key<'h>(headers: &'h HeaderMap, query: &'h str) -> Option<&'h str> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let plain = || header("x-api-key").or_else(|| header("x-goog-api-key"));
    let asked = || query.split('&').find_map(|pair| pair.strip_prefix("key="));
    bearer.or_else(plain).or_else(asked).filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_is_what_its_provider_serves() {
        let at = |path, query| route(&Method::POST, path, query);
        let gemini =
            |framing| Route::Call { api: Api::Gemini, model: Some("gemini-2.5-flash".into()), framing };
        let path = "/v1beta/models/gemini-2.5-flash:streamGenerateContent";
        assert_eq!(at(path, "alt=sse"), gemini(Framing::Events));
        assert_eq!(at(path, ""), gemini(Framing::Array));
        assert_eq!(at("/v1/models/gemini-2.5-flash:generateContent", ""), gemini(Framing::Whole));
        assert_eq!(at("/v1/messages/count_tokens", ""), Route::Count(Api::Messages));
        assert_eq!(at("/v1/models", ""), Route::Nothing);
        assert_eq!(route(&Method::GET, "/v1/chat/completions", ""), Route::Nothing);
    }
}
