//! One request as the simulated provider reads it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What of a request's body matters, of all APIs at once: no two of them use a name for different things.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Ask<'a> {
    #[serde(borrow, default)]
    pub model: Option<Cow<'a, str>>,
    #[serde(default)]
    pub stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    max_tokens: Option<u64>,
    #[serde(default)]
    max_completion_tokens: Option<u64>,
    #[serde(default)]
    max_output_tokens: Option<u64>,
    #[serde(default, rename = "generationConfig", alias = "generation_config")]
    generation: Option<Generation>,
    #[serde(default)]
    n: Option<u64>,
    #[serde(borrow, default)]
    messages: Option<&'a RawValue>,
    #[serde(borrow, default)]
    system: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    instructions: Option<&'a RawValue>,
    #[serde(borrow, default)]
    prompt: Option<&'a RawValue>,
    #[serde(borrow, default)]
    contents: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "systemInstruction", alias = "system_instruction")]
    system_instruction: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tools: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_choice: Option<&'a RawValue>,
    #[serde(default)]
    pub dimensions: Option<usize>,
    #[serde(borrow, default)]
    pub encoding_format: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Generation {
    #[serde(default, rename = "maxOutputTokens", alias = "max_output_tokens")]
    limit: Option<u64>,
    #[serde(default, rename = "candidateCount", alias = "candidate_count")]
    candidates: Option<u64>,
}

impl<'a> Ask<'a> {
    /// Reads a body. The error is the reader's own sentence.
    pub fn read(body: &'a [u8]) -> Result<Ask<'a>, String> {
        serde_json::from_slice(body).map_err(|error| error.to_string())
    }

    /// Returns the largest output limit that is named.
    pub fn limit(&self) -> Option<u64> {
        let generation = self.generation.as_ref().and_then(|generation| generation.limit);
        [self.max_tokens, self.max_completion_tokens, self.max_output_tokens, generation]
            .into_iter()
            .flatten()
            .max()
    }

    /// Returns how many answers are wanted, 1 to 128.
    pub fn choices(&self) -> u64 {
        let candidates = self.generation.as_ref().and_then(|generation| generation.candidates);
        self.n.or(candidates).unwrap_or(1).clamp(1, 128)
    }

    /// Says whether a stream is to end in its usage.
    pub fn wants_usage(&self) -> bool {
        self.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or(false)
    }

    /// Returns the tokens of the prompt: a word each.
    pub fn prompt(&self) -> u64 {
        [
            self.messages,
            self.system,
            self.input,
            self.instructions,
            self.prompt,
            self.contents,
            self.system_instruction,
            self.tools,
        ]
        .into_iter()
        .flatten()
        .map(|part| words(part.get()))
        .sum::<u64>()
        .max(1)
    }

    /// Returns the tool to call: the first one, unless its answer is already there or none is wanted.
    pub fn tool(&self) -> Option<Tool> {
        let spoken = [self.messages, self.input, self.contents].into_iter().flatten();
        let answered = spoken.into_iter().any(|part| ANSWERED.iter().any(|mark| part.get().contains(mark)));
        let refused = self.tool_choice.is_some_and(|choice| choice.get().contains("\"none\""));
        if answered || refused {
            return None;
        }
        let tools: Vec<Written> = serde_json::from_str(self.tools?.get()).ok()?;
        tools.into_iter().find_map(Written::tool)
    }
}

/// How a request shows that a tool has answered.
const ANSWERED: [&str; 5] = [
    "\"tool_call_id\"",
    "\"tool_result\"",
    "\"function_call_output\"",
    "\"functionResponse\"",
    "\"function_response\"",
];

/// A tool that the answer calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tool {
    pub name: String,
    /// A JSON object with a value for each property that must be there.
    pub arguments: String,
}

/// A tool in any API's spelling.
#[derive(Deserialize)]
struct Written {
    function: Option<Box<Written>>,
    #[serde(alias = "functionDeclarations", alias = "function_declarations")]
    declarations: Option<Vec<Written>>,
    name: Option<String>,
    #[serde(alias = "input_schema", alias = "parametersJsonSchema", alias = "parameters_json_schema")]
    parameters: Option<Schema>,
}

#[derive(Default, Deserialize)]
struct Schema {
    #[serde(default)]
    properties: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    required: Vec<String>,
}

impl Written {
    fn tool(self) -> Option<Tool> {
        if let Some(inner) = self.function {
            return inner.tool();
        }
        if let Some(declared) = self.declarations {
            return declared.into_iter().find_map(Written::tool);
        }
        let schema = self.parameters.unwrap_or_default();
        let members: serde_json::Map<_, _> = schema
            .required
            .iter()
            .map(|name| (name.clone(), sample(schema.properties.get(name).unwrap_or_default())))
            .collect();
        Some(Tool { name: self.name?, arguments: serde_json::Value::from(members).to_string() })
    }
}

/// Makes a value of a property's type.
fn sample(property: &serde_json::Value) -> serde_json::Value {
    let kind = property.get("type").and_then(serde_json::Value::as_str).unwrap_or("string");
    let first = property.get("enum").and_then(|values| values.get(0));
    match (first, kind.to_ascii_lowercase().as_str()) {
        (Some(value), _) => value.clone(),
        (None, "integer" | "number") => 1.into(),
        (None, "boolean") => true.into(),
        (None, "array") => serde_json::json!([]),
        (None, "object") => serde_json::json!({}),
        (None, _) => "Seoul".into(),
    }
}

/// Counts the words inside the strings of a JSON text: runs without a blank.
pub(super) fn words(json: &str) -> u64 {
    let (mut count, mut inside, mut in_word) = (0, false, false);
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => (inside, in_word) = (!inside, false),
            _ if !inside => {}
            b' ' => in_word = false,
            _ => {
                count += u64::from(!in_word);
                in_word = true;
                if byte == b'\\' {
                    bytes.next();
                }
            }
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_costs_a_token_a_word() {
        assert_eq!(words(r#"[{"role":"user","content":"one two  three"}]"#), 6);
        assert_eq!(words(r#"{ "a" : "say \"hello there\"" , "b" : 17 }"#), 5);
        let ask = Ask::read(br#"{"model":"m","messages":[],"n":null}"#).expect("a request");
        assert_eq!((ask.prompt(), ask.choices(), ask.limit()), (1, 1, None));
    }

    #[test]
    fn the_largest_limit_holds() {
        let body =
            br#"{"max_tokens":5,"max_completion_tokens":900,"generationConfig":{"maxOutputTokens":7}}"#;
        assert_eq!(Ask::read(body).expect("a request").limit(), Some(900));
        assert!(Ask::read(br#"{"max_tokens":1.5}"#).is_err());
    }

    #[test]
    fn the_first_tool_is_found_in_every_spelling() {
        let schema = r#"{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"INTEGER"}},"required":["city","days"]}"#;
        for tools in [
            format!(r#"[{{"type":"function","function":{{"name":"weather","parameters":{schema}}}}}]"#),
            format!(r#"[{{"type":"function","name":"weather","parameters":{schema}}}]"#),
            format!(r#"[{{"name":"weather","input_schema":{schema}}}]"#),
            format!(r#"[{{"functionDeclarations":[{{"name":"weather","parameters":{schema}}}]}}]"#),
        ] {
            let body = format!(r#"{{"messages":[],"tools":{tools}}}"#);
            let tool = Ask::read(body.as_bytes()).expect("a request").tool().expect("a tool");
            assert_eq!(
                (tool.name.as_str(), tool.arguments.as_str()),
                ("weather", r#"{"city":"Seoul","days":1}"#)
            );
            let answered =
                body.replace("\"messages\":[]", r#""messages":[{"role":"tool","tool_call_id":"c"}]"#);
            assert_eq!(Ask::read(answered.as_bytes()).expect("a request").tool(), None);
        }
    }
}
