//! The starter file that `outlay config init` writes.

/// Returns a commented file that says what can be set; as it stands it changes nothing.
pub fn init_text() -> &'static str {
    TEXT
}

const TEXT: &str = r#"# outlay: settings. Everything here is optional; a line without its # takes effect.
# `outlay config show` prints every value and where it came from.
# Paths may begin with ~ ; others are relative to this file.

# The zone in which days, weeks and months are counted.
#zone = "UTC"

# The store that outlay keeps its books in.
#store = "~/.local/state/outlay/outlay.db"

# What to read. Without any [[feed]] outlay looks in the usual places.
# format: auto, or one of native, claude-code, codex, litellm, litellm-csv, llm, opencode,
# opencode-json, gemini-cli, otlp, openai-batch, provider-body, or the name of a mapping below.
# tenant: for whom every call of the file is; {file_stem} and {parent} stand for parts of its path.
#[[feed]]
#ledger = "/var/log/llm/*.jsonl"
#format = "auto"
#tenant = "{file_stem}"

# A table of sums per tenant and day, read again whole each time.
#[[feed]]
#sqlite = "/srv/app/usage.db"
#table = "usages"
#columns = { tenant = "user_id", day = "date", calls = "generation_count", input = "input_tokens", output = "output_tokens", cost_cents = "cost_cents" }

# A mapping with a name, for files of your own shape (docs/mapping.md). Its name is a format.
#[mapping.our-gateway]
#container = "jsonl"
#key = ["request_id"]
#filter = [{ path = "status", prefix = "2" }]
#input_includes_cache_read = true
#[mapping.our-gateway.columns]
#time = "ts"
#tenant = { path = ["team", "user"], default = "untagged" }
#model = "model"
#input = "usage.prompt"
#cache_read = "usage.cached"
#output = "usage.completion"
#cost_usd = "cost"

# Prices in dollars per million tokens; they go before the built-in ones.
#[[price]]
#provider = "openai"
#model = "our-finetune"
#input = "2.50"
#output = "10.00"
#cache_read = "1.25"
#since = "2026-01-01"

# How the screen looks and behaves (docs/screen.md).
#[ui]
#theme = "terminal"
#glyphs = "auto"
#max_fps = 30
#mouse = false
#title = false
#notify = "none"
#exit_summary = true
#keep_filters = false
#read_only = false
#copy_command = "wl-copy"
#env = { label = "PROD", color = "red", confirm = "always" }

# Who may change caps, and which variable names the person.
#[access]
#writers = ["mira", "jun"]
#who = "env:OPS_NAME"

# Other keys for the screen: docs/keys.md has the names.
#[keys]
#sort = "F5"
#filter = ["/", "ctrl-f"]
"#;
