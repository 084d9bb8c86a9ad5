//! Names of providers and models: one spelling per provider, a maker per model, and what a name may
//! lose before it is looked up again.

use std::borrow::Cow;

/// Other spellings of providers, in lower case with `_` between words, and ours.
const SPELLINGS: &[(&str, &str)] = &[
    ("alibaba", "dashscope"),
    ("amazon_bedrock", "bedrock"),
    ("aws", "bedrock"),
    ("aws_bedrock", "bedrock"),
    ("azure_ai_inference", "azure_ai"),
    ("azure_ai_openai", "azure"),
    ("azure_openai", "azure"),
    ("azure_text", "azure"),
    ("bedrock_converse", "bedrock"),
    ("claude", "anthropic"),
    ("cohere_chat", "cohere"),
    ("cloudflare_workers_ai", "cloudflare"),
    ("fireworks", "fireworks_ai"),
    ("fireworks_ai_embedding_models", "fireworks_ai"),
    ("gcp_gemini", "gemini"),
    ("gcp_gen_ai", "gemini"),
    ("gcp_vertex_ai", "vertex_ai"),
    ("google", "gemini"),
    ("google_ai", "gemini"),
    ("google_ai_studio", "gemini"),
    ("google_gemini", "gemini"),
    ("google_genai", "gemini"),
    ("google_generative_ai", "gemini"),
    ("google_vertex", "vertex_ai"),
    ("google_vertex_ai", "vertex_ai"),
    ("google_vertexai", "vertex_ai"),
    ("google_vertex_anthropic", "vertex_ai"),
    ("grok", "xai"),
    ("ibm_watsonx_ai", "watsonx"),
    ("kimi", "moonshot"),
    ("mistral_ai", "mistral"),
    ("mistralai", "mistral"),
    ("moonshot_ai", "moonshot"),
    ("moonshotai", "moonshot"),
    ("nova", "amazon_nova"),
    ("open_ai", "openai"),
    ("openai_chat", "openai"),
    ("openai_responses", "openai"),
    ("qwen", "dashscope"),
    ("text_completion_openai", "openai"),
    ("text_completion_codestral", "codestral"),
    ("text_completion_inception", "inception"),
    ("together", "together_ai"),
    ("togetherai", "together_ai"),
    ("vertex", "vertex_ai"),
    ("vertexai", "vertex_ai"),
    ("x_ai", "xai"),
    ("xiaomi", "xiaomi_mimo"),
    ("z_ai", "zai"),
    ("zhipuai", "zai"),
    ("voyageai", "voyage"),
];

/// How the names of a maker's models begin. The first match counts.
const MAKERS: &[(&str, &str)] = &[
    ("ft:", "openai"),
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("codex-", "openai"),
    ("computer-use-", "openai"),
    ("davinci-", "openai"),
    ("babbage-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding-3", "openai"),
    ("text-embedding-ada", "openai"),
    ("claude-", "anthropic"),
    ("gemini-", "gemini"),
    ("gemma-", "gemini"),
    ("grok-", "xai"),
    ("deepseek-", "deepseek"),
    ("mistral-", "mistral"),
    ("ministral-", "mistral"),
    ("magistral-", "mistral"),
    ("codestral-", "mistral"),
    ("devstral-", "mistral"),
    ("pixtral-", "mistral"),
    ("voxtral-", "mistral"),
    ("open-mistral-", "mistral"),
    ("open-mixtral-", "mistral"),
    ("command", "cohere"),
    ("c4ai-", "cohere"),
    ("embed-", "cohere"),
    ("rerank-", "cohere"),
    ("kimi-", "moonshot"),
    ("moonshot-", "moonshot"),
    ("qwen", "dashscope"),
    ("qwq-", "dashscope"),
    ("glm-", "zai"),
    ("minimax-", "minimax"),
    ("sonar", "perplexity"),
    ("jamba-", "ai21"),
    ("nova-", "amazon_nova"),
    ("voyage-", "voyage"),
    ("anthropic.", "bedrock"),
    ("amazon.", "bedrock"),
    ("us.", "bedrock"),
    ("eu.", "bedrock"),
    ("apac.", "bedrock"),
    ("global.", "bedrock"),
];

/// Makers asked for a name that no pattern knows.
pub(super) const HOMES: &[&str] = &[
    "openai",
    "anthropic",
    "gemini",
    "xai",
    "deepseek",
    "mistral",
    "cohere",
    "moonshot",
    "zai",
    "minimax",
    "perplexity",
    "ai21",
    "amazon_nova",
    "voyage",
    "meta",
    "bedrock",
];

/// Returns our spelling of a provider's name.
pub fn canonical(provider: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let name = if provider.bytes().all(plain) {
        Cow::Borrowed(provider)
    } else {
        let lower = provider.trim().to_ascii_lowercase();
        Cow::Owned(lower.replace(['-', '.', ' ', '/', '\t', '\n', '\r'], "_"))
    };
    if name.starts_with("vertex_ai_") {
        return Cow::Borrowed("vertex_ai");
    }
    match SPELLINGS.iter().find(|(other, _)| *other == name) {
        Some((_, ours)) => Cow::Borrowed(ours),
        None => name,
    }
}

/// Returns who made a model with a bare name, as far as the name tells.
pub(super) fn maker(model: &str) -> Option<&'static str> {
    let begins = |start: &str| model.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    MAKERS.iter().find(|(start, _)| begins(start)).map(|(_, maker)| *maker)
}

/// Takes one thing off a model's name that does not change its price: a region, a version, a date.
pub(super) fn shorter(model: &str) -> Option<&str> {
    if model.starts_with("arn:") {
        return model.rsplit_once('/').map(|(_, name)| name);
    }
    if model.starts_with("ft:") {
        let mut colons = model.match_indices(':');
        return match colons.nth(1) {
            Some((end, _)) => model.get(..end),
            None => undated(model),
        };
    }
    let regions = ["us.", "eu.", "global.", "apac.", "jp.", "au.", "us-gov.", "models/", "anthropic."];
    let prefix = regions.iter().find_map(|region| model.strip_prefix(region));
    prefix.or_else(|| undated(model)).filter(|name| !name.is_empty())
}

/// Takes a version or a date off the end.
fn undated(model: &str) -> Option<&str> {
    for end in ["-latest", "@latest", "@default", "[1m]"] {
        if let Some(rest) = model.strip_suffix(end) {
            return Some(rest);
        }
    }
    for shape in ["-vd:d", "-dddd-dd-dd", "-dddddddd", "@dddddddd"] {
        if let Some(start) = model.len().checked_sub(shape.len())
            && model.is_char_boundary(start)
            && is_shaped(&model[start..], shape)
        {
            return Some(&model[..start]);
        }
    }
    None
}

/// Says whether each byte is that of the shape, `d` standing for any digit.
fn is_shaped(text: &str, shape: &str) -> bool {
    let fits = |(byte, want): (u8, u8)| if want == b'd' { byte.is_ascii_digit() } else { byte == want };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}
