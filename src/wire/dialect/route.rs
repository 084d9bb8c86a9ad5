//! What the guard serves: an exact table of method and path, and the path that goes upstream.
//!
//! No byte of the client's path, query or body chooses host, port, scheme or path (`reliability.md` S1):
//! a request picks a row of the table, and at most a model's name out of a plain alphabet.

use super::Dialect;

/// The longest model name in a path.
const MAX_MODEL: usize = 128;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `OpenAI`'s Chat Completions.
    Chat,
    /// `OpenAI`'s Responses.
    Responses,
    /// `OpenAI`'s old Completions.
    Completions,
    /// `OpenAI`'s Embeddings.
    Embeddings,
    /// `OpenAI`'s list of models.
    Models,
    /// Anthropic's Messages.
    Messages,
    /// Anthropic's token count.
    CountTokens,
    /// Gemini's `generateContent`.
    Generate,
    /// Gemini's `streamGenerateContent`.
    StreamGenerate,
    /// Gemini's token count.
    GeminiCountTokens,
}

/// Whether an operation costs money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billing {
    /// It is judged, held, metered and settled.
    Metered,
    /// The provider documents it as free of charge.
    Free,
}

/// How Gemini frames a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    #[default]
    Events,
    /// One JSON array, element by element.
    Array,
}

/// A request that the guard serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What it asks for.
    pub operation: Operation,
    /// The model, where the path names it.
    pub model: Option<String>,
    /// The API version in Gemini's path.
    version: &'static str,
    /// How a stream is framed.
    pub framing: Framing,
    /// The query to send, without the question mark; empty for none.
    query: &'static str,
}

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotServed {
    /// No row has this path.
    #[error("no such route: the guard serves only what it can meter")]
    Path,
    /// The path is served, but not by this method.
    #[error("this route takes {0} only")]
    Method(&'static str),
    /// The query has a parameter that is not passed on.
    #[error("a query parameter of this request is not passed on")]
    Query,
}

impl Operation {
    /// Says whether it costs money.
    pub const fn billing(self) -> Billing {
        match self {
            Operation::Models | Operation::CountTokens | Operation::GeminiCountTokens => Billing::Free,
            _ => Billing::Metered,
        }
    }

    /// Returns the dialect that the path itself belongs to.
    pub const fn dialect(self) -> Dialect {
        match self {
            Operation::Messages | Operation::CountTokens => Dialect::Anthropic,
            Operation::Generate | Operation::StreamGenerate | Operation::GeminiCountTokens => Dialect::Gemini,
            _ => Dialect::OpenAi,
        }
    }

    /// Says whether an upstream of `dialect` understands it.
    pub fn is_spoken_by(self, dialect: Dialect) -> bool {
        let own = self.dialect();
        own == dialect || (own == Dialect::OpenAi && dialect == Dialect::Compatible)
    }

    const fn method(self) -> &'static str {
        match self {
            Operation::Models => "GET",
            _ => "POST",
        }
    }
}

/// Paths without a variable part.
const FIXED: &[(&str, Operation)] = &[
    ("/v1/chat/completions", Operation::Chat),
    ("/v1/responses", Operation::Responses),
    ("/v1/completions", Operation::Completions),
    ("/v1/embeddings", Operation::Embeddings),
    ("/v1/models", Operation::Models),
    ("/v1/messages", Operation::Messages),
    ("/v1/messages/count_tokens", Operation::CountTokens),
];

/// Gemini's verbs, which follow the model.
const VERBS: &[(&str, Operation)] = &[
    ("generateContent", Operation::Generate),
    ("streamGenerateContent", Operation::StreamGenerate),
    ("countTokens", Operation::GeminiCountTokens),
];

/// Gemini's API versions.
const VERSIONS: &[&str] = &["v1beta", "v1"];

/// Splits a leading upstream name off a path: `/NAME/v1/…` is `(Some(NAME), "/v1/…")` where `NAME` is one
/// of `names`. The API versions are no names.
pub fn named<'n, 'p>(path: &'p str, names: &[&'n str]) -> (Option<&'n str>, &'p str) {
    let rest = path.strip_prefix('/').unwrap_or(path);
    let Some((first, _)) = rest.split_once('/') else { return (None, path) };
    let name = names.iter().copied().find(|name| *name == first && !VERSIONS.contains(name));
    match name {
        Some(name) => (Some(name), path.get(1 + name.len()..).unwrap_or_default()),
        None => (None, path),
    }
}

/// Finds the route of a request by exact comparison. `path` has no upstream name in front, `query` no
/// question mark.
pub fn find(method: &str, path: &str, query: Option<&str>) -> Result<Route, NotServed> {
    let (operation, version, model) = place(path).ok_or(NotServed::Path)?;
    if method != operation.method() {
        return Err(NotServed::Method(operation.method()));
    }
    let (framing, query) = asked(operation, query.unwrap_or_default())?;
    Ok(Route { operation, model, version, framing, query })
}

fn place(path: &str) -> Option<(Operation, &'static str, Option<String>)> {
    if let Some((_, operation)) = FIXED.iter().find(|(fixed, _)| *fixed == path) {
        return Some((*operation, "v1", None));
    }
    let version = VERSIONS.iter().copied().find(|version| {
        path.strip_prefix('/')
            .and_then(|rest| rest.strip_prefix(version))
            .is_some_and(|rest| rest.starts_with('/'))
    })?;
    let rest = path.get(1 + version.len()..)?.strip_prefix("/models/")?;
    let (model, verb) = rest.split_once(':')?;
    let (_, operation) = VERBS.iter().find(|(word, _)| *word == verb)?;
    is_model(model).then(|| (*operation, version, Some(model.to_owned())))
}

/// Says whether a model's name may stand in a path.
pub fn is_model(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_MODEL).contains(&name.len()) && name.bytes().all(plain) && !name.bytes().all(|byte| byte == b'.')
}

/// Reads the query by the allow-list, and returns what is sent of it.
fn asked(operation: Operation, query: &str) -> Result<(Framing, &'static str), NotServed> {
    match (operation, query) {
        (Operation::StreamGenerate, "" | "alt=json") => Ok((Framing::Array, "")),
        (Operation::StreamGenerate, "alt=sse") => Ok((Framing::Events, "alt=sse")),
        (Operation::Messages | Operation::CountTokens, "beta=true") => Ok((Framing::Events, "beta=true")),
        (Operation::Generate | Operation::GeminiCountTokens, "alt=json") | (_, "") => {
            Ok((Framing::Events, ""))
        }
        _ => Err(NotServed::Query),
    }
}

impl Route {
    /// Returns the path and query to send, below the base URL of the configuration, which ends in the
    /// version (`https://api.openai.com/v1`) for `OpenAI`'s language and in the host for the others.
    ///
    /// `model` stands in the place of the path's own: it was downgraded. A name that may not stand in a
    /// path gives `None`.
    pub fn upstream(&self, model: Option<&str>) -> Option<String> {
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        if let Some((path, _)) = FIXED.iter().find(|(_, operation)| *operation == self.operation) {
            let below = if self.operation.dialect() == Dialect::OpenAi { &path["/v1".len()..] } else { path };
            return Some(format!("{below}{query}"));
        }
        let (verb, _) = VERBS.iter().find(|(_, operation)| *operation == self.operation)?;
        let model = model.or(self.model.as_deref()).filter(|model| is_model(model))?;
        Some(format!("/{}/models/{model}:{verb}{query}", self.version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &str, target: &str, want: Result<(Operation, &str), NotServed>) {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let found = find(method, path, query);
        let seen = found.map(|route| (route.operation, route.upstream(None).expect("a path")));
        assert_eq!(seen, want.map(|(operation, path)| (operation, path.to_owned())), "{method} {target}");
    }

    #[test]
    fn the_table_is_served() {
        check("POST", "/v1/chat/completions", Ok((Operation::Chat, "/chat/completions")));
        check("POST", "/v1/responses", Ok((Operation::Responses, "/responses")));
        check("POST", "/v1/completions", Ok((Operation::Completions, "/completions")));
        check("POST", "/v1/embeddings", Ok((Operation::Embeddings, "/embeddings")));
        check("GET", "/v1/models", Ok((Operation::Models, "/models")));
        check("POST", "/v1/messages", Ok((Operation::Messages, "/v1/messages")));
        check("POST", "/v1/messages?beta=true", Ok((Operation::Messages, "/v1/messages?beta=true")));
        check("POST", "/v1/messages/count_tokens", Ok((Operation::CountTokens, "/v1/messages/count_tokens")));
        let model = "/v1beta/models/gemini-2.5-flash";
        check(
            "POST",
            &format!("{model}:generateContent"),
            Ok((Operation::Generate, &format!("{model}:generateContent"))),
        );
        let stream = format!("{model}:streamGenerateContent?alt=sse");
        check("POST", &stream, Ok((Operation::StreamGenerate, &stream)));
    }

    #[test]
    fn a_stream_without_the_option_is_an_array() {
        let path = "/v1beta/models/gemini:streamGenerateContent";
        assert_eq!(find("POST", path, None).map(|route| route.framing), Ok(Framing::Array));
        assert_eq!(find("POST", path, Some("alt=sse")).map(|route| route.framing), Ok(Framing::Events));
    }

    #[test]
    fn no_other_path_reaches_an_upstream() {
        let hostile = [
            "",
            "/",
            "//evil/x",
            "/\\evil",
            "/v1",
            "/v1/",
            "/v1/chat/completions/",
            "/v1//chat/completions",
            "/v1/chat/../chat/completions",
            "/v1/./chat/completions",
            "/V1/chat/completions",
            "/v1/chat/completions%2f",
            "/v1/chat%2fcompletions",
            "/v1/chat/completions#x",
            "/v1/chat/completions\t",
            "/v1/chat/completions\0",
            "https://evil/v1/chat/completions",
            "/v1/batches",
            "/v1/messages/batches",
            "/v1/responses/resp_1",
            "/v1/files",
            "/v1/images/generations",
            "/v1/audio/speech",
            "/v1/realtime",
            "/v1beta/models/:generateContent",
            "/v1beta/models/..:generateContent",
            "/v1beta/models/a/b:generateContent",
            "/v1beta/models/a%2fb:generateContent",
            "/v1beta/models/a@evil:generateContent",
            "/v1beta/models/é:generateContent",
            "/v1beta/models/a:b:generateContent",
            "/v1beta/models/a:batchGenerateContent",
            "/v1beta/models/a:generateContent:x",
            "/v2/models/a:generateContent",
            "/v1betamodels/a:generateContent",
        ];
        for path in hostile {
            assert_eq!(find("POST", path, None), Err(NotServed::Path), "{path}");
        }
        let long = format!("/v1beta/models/{}:generateContent", "a".repeat(129));
        assert_eq!(find("POST", &long, None), Err(NotServed::Path));
    }

    #[test]
    fn methods_and_queries_are_exact() {
        for method in ["GET", "PUT", "DELETE", "post", "OPTIONS", "CONNECT", ""] {
            check(method, "/v1/chat/completions", Err(NotServed::Method("POST")));
        }
        for query in ["a=b", "alt=sse", "beta=true&x=1", "key=secret", "?", "&"] {
            check("POST", &format!("/v1/chat/completions?{query}"), Err(NotServed::Query));
        }
        check("POST", "/v1beta/models/g:generateContent?key=secret", Err(NotServed::Query));
        check("POST", "/v1beta/models/g:streamGenerateContent?alt=sse&x", Err(NotServed::Query));
    }

    #[test]
    fn an_upstream_is_picked_by_its_whole_name() {
        let names = ["groq", "v1"];
        assert_eq!(named("/groq/v1/models", &names), (Some("groq"), "/v1/models"));
        assert_eq!(named("/groqq/v1/models", &names), (None, "/groqq/v1/models"));
        assert_eq!(named("/v1/models", &names), (None, "/v1/models"));
        assert_eq!(named("//groq/v1/models", &names), (None, "//groq/v1/models"));
        assert_eq!(named("/groq", &names), (None, "/groq"));
    }

    #[test]
    fn a_downgrade_names_the_model_in_the_path() {
        let route = find("POST", "/v1/models/big:generateContent", None).expect("served");
        assert_eq!(route.upstream(Some("small")).as_deref(), Some("/v1/models/small:generateContent"));
        assert_eq!(route.upstream(Some("../x")), None);
    }

    #[test]
    fn every_operation_has_one_language() {
        assert!(Operation::Chat.is_spoken_by(Dialect::Compatible));
        assert!(!Operation::Messages.is_spoken_by(Dialect::Compatible));
        assert!(!Operation::Chat.is_spoken_by(Dialect::Anthropic));
    }
}
