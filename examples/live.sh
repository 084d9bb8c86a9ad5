#!/usr/bin/env bash
# Shows the live screen over the example ledgers, while something appends calls to one of them.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
dir=$(mktemp -d)
writer=
trap '[ -n "$writer" ] && kill "$writer" 2>/dev/null; rm -rf "$dir"' EXIT
cp -r examples/team.jsonl examples/claude "$dir"/

tenants=(docs-rag acme-search chat-web growth-bot)
models=('"provider":"openai","model":"gpt-4o-mini"' '"provider":"openai","model":"gpt-4.1"'
        '"provider":"anthropic","model":"claude-sonnet-4-5"' '"provider":"vllm-1","model":"house-coder-32b"')
call() { # seconds since the epoch, number
  printf '{"v":1,"id":"live-%s","ts":%s,"tenant":"%s",%s,"input":%s,"output":%s}\n' \
    "$2" "$1" "${tenants[RANDOM % 4]}" "${models[RANDOM % 8 == 0 ? 3 : RANDOM % 3]}" $((RANDOM % 4000 + 200)) $((RANDOM % 900 + 50))
}
now=$(date +%s)
for n in $(seq 1 240); do call $((now - 7200 + n * 30)) "$n"; done > "$dir/live.jsonl"
(
  n=1000
  while sleep 0.4; do n=$((n + 1)); call "$(date +%s)" "$n" >> "$dir/live.jsonl"; done
) &
writer=$!
target/release/outlay --ledger "$dir/**/*.jsonl" "$@"
