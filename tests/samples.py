#!/usr/bin/env python3
"""Checks the report against every sample set with a known answer in ../shared, where that is there.

    tests/samples.py [--binary target/debug/outlay] [--shared ../shared]

The answers are rows of (day, tenant, model, tier); every figure must be the same.
"""
import argparse, datetime, json, os, subprocess, sys, tempfile
from decimal import Decimal

MAPPINGS = open(os.path.join(os.path.dirname(__file__), "samples.toml")).read()

FIGURES = ["calls", "input", "cache_read", "cache_write_short", "cache_write_long", "output", "reasoning"]


# Sets whose answer stands in their MANIFEST, not in a file of rows.
STATED = {
    "gemini-cli/real-0.61": ("gemini-cli/real-0.61/tmp/**/*.jsonl", [
        dict(day="2026-11-22", tenant="shop-api", model="gemini-2.5-pro", calls=2,
             input=1217 - 256 + 1234 - 512, cache_read=256 + 512, output=41 + 12 + 42 + 12, reasoning=12 + 12)]),
    # This one carries counts, whatever the MANIFEST says.
    "gemini-cli/agentsview": ("gemini-cli/agentsview/*.json", [
        dict(day="2024-01-01", tenant="agentsview", model="unknown", calls=2, input=1500 - 100 + 2000 - 50,
             cache_read=150, output=200 + 50 + 300 + 100, reasoning=150)]),
    "opencode/real-1.18": ("opencode/real-1.18/opencode.db", [
        dict(day="2026-11-22", tenant="/home/dev/shop-api", model="gpt-5-mini", calls=1,
             input=666, cache_read=256, output=30 + 2, reasoning=2, cost="0.0002369"),
        dict(day="2026-11-22", tenant="/home/dev/ledger-web", model="gpt-5-mini", calls=1,
             input=871, cache_read=128, output=37 + 2, reasoning=2, cost="0.00029895")]),
    **{f"otel/codex-0.169/{name}": (f"otel/codex-0.169/{file}", [
        dict(day="2026-11-22", tenant="codex_exec", model="gpt-5.2-codex", calls=1, input=6571 - 2816 - 128,
             cache_read=2816, cw_5m=128, output=78, reasoning=12)])
       for name, file in [("logs", "logs.jsonl"), ("traces", "traces.jsonl"), ("all signals at once", "*.jsonl")]},
    "otel/codex-0.169/metrics": ("otel/codex-0.169/metrics.jsonl", []),
    "otel/vs-copilot": ("otel/vs-copilot-traces-1.jsonl", []),
}


def stated(rows):
    blank = dict(tier="", cw_5m=0, cw_1h=0, cw_other=0)
    return [blank | row for row in rows]


def wanted(answer):
    rows = {}
    for row in stated(answer) if isinstance(answer, list) else json.load(open(answer))["rows"]:
        short = row["cw_5m"] + row["cw_other"]
        rows[row["day"], row["tenant"], row["model"], row["tier"]] = (
            [row["calls"], row["input"], row["cache_read"], short, row["cw_1h"], row["output"], row["reasoning"]],
            None if row.get("cost") is None else Decimal(str(row["cost"])))
    return rows


def reported(binary, config, ledgers):
    command = [binary, "--config", config, "report", "--by", "day,tenant,model,tier", "--format", "json"]
    for ledger in ledgers:
        command += ["--ledger", ledger]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return None, done.stderr
    rows = {}
    for row in json.loads(done.stdout)["rows"]:
        t = row["tokens"]
        rows[row["day"], row["tenant"], row["model"], row["tier"]] = (
            [row["calls"], *(t[k] for k in FIGURES[1:])], Decimal(row["cost_usd"]), Decimal(row["reported_usd"]))
    return rows, ""


def cases(root):
    s = os.path.join(root, "data/samples")
    for name in sorted(os.listdir(f"{s}/claude-code/cases")):
        d = f"{s}/claude-code/cases/{name}"
        yield f"claude-code/{name}", f"{d}/expected.json", [f"{d}/projects/**/*.jsonl"]
    for name in ["real-0.145", "real-0.169", "zst-twin"]:
        d = f"{s}/codex/{name}"
        yield f"codex/{name}", f"{d}/expected.json", [f"{d}/**/*.jsonl", f"{d}/**/*.jsonl.zst"]
    for file in ["standard_logging_payload.jsonl", "spend_logs.jsonl", "spend_logs.csv"]:
        yield f"litellm/{file}", f"{s}/litellm/expected.json", [f"{s}/litellm/{file}"]
    for name in ["0.27", "0.27-then-0.36"]:
        yield f"simonw-llm/{name}", f"{s}/simonw-llm/expected-{name}.json", [f"{s}/simonw-llm/logs-{name}.db"]
    g = f"{s}/generic"
    plain = {"batch-output": "openai-batch-output.jsonl", "otlp": "traces.jsonl", "otlp-claude-code": "logs.jsonl",
             "raw-bodies": "*.jsonl"}
    mapped = {"csv-epoch-ms": "calls.csv", "jsonl-access-log": "access.jsonl", "jsonl-epoch-ns": "calls.jsonl",
              "jsonl-nested": "calls.jsonl", "sqlite-calls": "calls.db", "sqlite-usages": "usages.db",
              "vendor-csv": "openrouter-activity.csv"}
    bodies = f"{g}/raw-bodies-no-time/anthropic-messages.jsonl"
    rows = json.load(open(f"{g}/raw-bodies-no-time/expected.json"))["rows"]
    day = datetime.datetime.fromtimestamp(os.path.getmtime(bodies), datetime.timezone.utc).strftime("%Y-%m-%d")
    yield "generic/raw-bodies-no-time", [row | {"day": day} for row in rows], [bodies]
    for name, (file, rows) in STATED.items():
        yield name, rows, [f"{s}/{file}"]
    for name, file in plain.items():
        yield f"generic/{name}", f"{g}/{name}/expected.json", [f"{g}/{name}/{file}"]
    for name, file in mapped.items():
        yield f"generic/{name}", f"{g}/{name}/expected.json", [f"{g}/{name}/{file}={name}"]


def main():
    p = argparse.ArgumentParser()
    built = [path for path in ("target/release/outlay", "target/debug/outlay") if os.path.exists(path)]
    p.add_argument("--binary", default=max(built, key=os.path.getmtime, default="target/release/outlay"))
    p.add_argument("--shared", default="../shared")
    a = p.parse_args()
    if not os.path.isdir(a.shared):
        print("no shared samples here: nothing checked")
        return
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(MAPPINGS)
        config.flush()
        passed = failed = 0
        for name, answer, ledgers in cases(a.shared):
            want = wanted(answer)
            got, error = reported(a.binary, config.name, ledgers)
            faults = [error] if got is None else []
            for key in sorted(set(want) | set(got or {})):
                w, r = want.get(key), (got or {}).get(key)
                if w is None or r is None or w[0] != r[0]:
                    faults.append(f"{key}: {r and r[0]} for {w and w[0]}")
                elif w[1] is not None and w[1] != r[1] and w[1] != r[2]:
                    faults.append(f"{key}: ${r[1]} (reported {r[2]}) for ${w[1]}")
            passed, failed = passed + (not faults), failed + bool(faults)
            print(("ok    " if not faults else "FAIL  ") + name)
            for fault in faults:
                print("      " + fault)
    print(f"{passed} passed, {failed} failed")
    sys.exit(bool(failed))


main()
