//! What emitters call the parts of a call: the `GenAI` conventions, old and new, and their relatives.
//!
//! The first name of a list that has a value counts; the conventions' own current name stands first.

/// Prompt tokens.
pub const INPUT: [&str; 8] = [
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.prompt",
    "llm.usage.prompt_tokens",
    "llm.usage.input_tokens",
    "ai.usage.inputTokens",
    "ai.usage.promptTokens",
    "ai.usage.tokens",
];
/// Generated tokens.
pub const OUTPUT: [&str; 7] = [
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
    "llm.usage.completion_tokens",
    "llm.usage.output_tokens",
    "ai.usage.outputTokens",
    "ai.usage.completionTokens",
];
/// Both together, by which emitters that count cached tokens apart are recognised.
pub const TOTAL: [&str; 4] =
    ["gen_ai.usage.total_tokens", "llm.token_count.total", "llm.usage.total_tokens", "ai.usage.totalTokens"];
/// Tokens read from the cache.
pub const CACHE_READ: [&str; 11] = [
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.details.cache_read_tokens",
    "gen_ai.usage.details.cache_read_input_tokens",
    "gen_ai.usage.details.cached_tokens",
    "gen_ai.usage.cached_input_tokens",
    "gen_ai.usage.input_tokens.cached",
    "llm.token_count.prompt_details.cache_read",
    "llm.usage.cache_read_input_tokens",
    "ai.usage.inputTokenDetails.cacheReadTokens",
    "ai.usage.cachedInputTokens",
];
/// Tokens written to the cache.
pub const CACHE_WRITE: [&str; 10] = [
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_write_input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.details.cache_write_tokens",
    "gen_ai.usage.details.cache_creation_input_tokens",
    "gen_ai.usage.input_tokens.cache_write",
    "llm.token_count.prompt_details.cache_write",
    "llm.usage.cache_creation_input_tokens",
    "ai.usage.inputTokenDetails.cacheWriteTokens",
];
/// Tokens generated while reasoning.
pub const REASONING: [&str; 10] = [
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "gen_ai.usage.reasoning_output_tokens",
    "gen_ai.usage.details.reasoning_tokens",
    "gen_ai.usage.details.thinking_tokens",
    "gen_ai.usage.output_tokens.reasoning",
    "codex.usage.reasoning_output_tokens",
    "llm.token_count.completion_details.reasoning",
    "llm.usage.reasoning_tokens",
    "ai.usage.reasoningTokens",
];
/// Dollars that the emitter worked out.
pub const COST: [&str; 5] =
    ["gen_ai.usage.cost", "gen_ai.usage.total_cost", "cost_usd", "llm.cost.total", "operation.cost"];
/// The model that answered, else the one that was asked for.
pub const MODEL: [&str; 7] = [
    "gen_ai.response.model",
    "gen_ai.request.model",
    "llm.response.model",
    "llm.request.model",
    "llm.model_name",
    "embedding.model_name",
    "ai.model.id",
];
/// Who bills.
pub const PROVIDER: [&str; 6] = [
    "gen_ai.provider.name",
    "gen_ai.system",
    "llm.provider",
    "llm.vendor",
    "llm.system",
    "ai.model.provider",
];
/// The service tier served.
pub const SERVICE_TIER: [&str; 3] =
    ["openai.response.service_tier", "gen_ai.openai.response.service_tier", "gen_ai.response.service_tier"];
/// The response's own id.
pub const RESPONSE: [&str; 2] = ["gen_ai.response.id", "ai.response.id"];
/// Where the tenant is looked for, in the record and then in its resource.
pub const TENANT: [&str; 8] = [
    "tenant.id",
    "user.email",
    "user.id",
    "enduser.id",
    "user.account_uuid",
    "team.id",
    "organization.id",
    "service.name",
];

/// Words for the provider that name a framework, or nobody: who bills is then not said.
const NO_PROVIDERS: [&str; 7] =
    ["_other", "langchain", "langgraph", "llama_index", "llamaindex", "crewai", "litellm"];

/// Returns who bills, by the emitter's word; empty where it names nobody who does.
///
/// `openai.chat` and `anthropic.messages` say which of a provider's interfaces was called.
pub fn biller(word: &str) -> &str {
    let bare = ["openai.", "anthropic.", "mistral.", "xai.", "groq."].into_iter();
    let bare = bare.filter(|maker| word.starts_with(maker)).map(|maker| &word[..maker.len() - 1]).next();
    match bare.unwrap_or(word) {
        "az.ai.openai" => "azure",
        "az.ai.inference" => "azure_ai",
        word if NO_PROVIDERS.contains(&word.to_ascii_lowercase().as_str()) => "",
        word => word,
    }
}

/// What a span or log says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// One question to a model.
    Inference,
    /// Something around such questions, whose counts repeat theirs.
    Around,
    /// Nothing that is known.
    Unsaid,
}

/// Tells what an operation's name stands for.
pub fn operation(word: &str) -> Operation {
    let around = ["invoke_", "execute_", "create_", "update_", "delete_", "search_", "upsert_", "fetch_"];
    let also = ["retrieval", "retrieve", "plan", "agent", "tool", "workflow", "task", "chain", "handoff"];
    match word {
        "chat" | "text_completion" | "generate_content" | "embeddings" => Operation::Inference,
        word if around.iter().any(|start| word.starts_with(start)) => Operation::Around,
        word if also.contains(&word) || word.contains("memory") => Operation::Around,
        _ => Operation::Unsaid,
    }
}

/// Tells what a span kind of other conventions (in any case) stands for.
pub fn kind(word: &str) -> Operation {
    match word.to_ascii_uppercase().as_str() {
        "LLM" | "EMBEDDING" | "RERANKER" | "GENERATION" => Operation::Inference,
        "" => Operation::Unsaid,
        _ => Operation::Around,
    }
}
