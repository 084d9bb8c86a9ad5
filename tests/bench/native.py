#!/usr/bin/env python3
"""Sums a native ledger with `outlay report` and with DuckDB, turn about, and compares.

    tests/bench/native.py [FILE] [--lines 10000000] [--duckdb-python VENV/bin/python] [--rounds 3] [--dedupe]

FILE is written if it is not there: lines of about 200 bytes, each with its own id, 500 tenants, 40 models, 30 days.
DuckDB runs from a Python that has it (`python3 -m venv V && V/bin/pip install duckdb`), which adds its start-up, some
0.1 s. It sums the tokens and no more; outlay also tells calls apart by id, prices them and sums by day. --dedupe has
DuckDB keep one row an id as well. Prints CPU seconds, wall time, peak memory, and whether the token sums are the same.
"""
import argparse, json, os, random, statistics, subprocess, sys, tempfile, time

from pty_run import measured

COUNTS = ("input", "output", "cache_read", "reasoning")
DUCK = """
import duckdb, json, sys
counts = sys.argv[3].split(",")
columns = {"tenant": "VARCHAR", "model": "VARCHAR", **{c: "BIGINT" for c in counts}}
if sys.argv[2] == "dedupe":
    columns["id"] = "VARCHAR"
rows = f"read_json(?, format='newline_delimited', columns={columns})"
if sys.argv[2] == "dedupe":
    last = ", ".join(f"any_value({c}) AS {c}" for c in ("tenant", "model", *counts))
    rows = f"(SELECT {last} FROM {rows} GROUP BY id)"
sums = ", ".join(f"sum({c})::BIGINT" for c in counts)
query = f"SELECT tenant, model, count(*), {sums} FROM {rows} GROUP BY tenant, model"
duckdb.execute("SET enable_progress_bar = false")  # it is drawn on stdout
print(json.dumps(duckdb.execute(query, [sys.argv[1]]).fetchall()))
"""


def write(path, lines, began=1790812800):
    """Writes calls of 30 days from `began` (seconds, by default 2026-10-01), in order of time."""
    rng = random.Random(7)
    makers = {"openai": ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-5", "gpt-5-mini", "o3", "o4-mini"],
              "anthropic": ["claude-opus-4-1", "claude-sonnet-4-5", "claude-sonnet-4", "claude-haiku-4-5"],
              "google": ["gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.0-flash"]}
    models = [(maker, name) for maker, names in makers.items() for name in names]
    models += [("inhouse", f"tuned-model-{i:02d}") for i in range(40 - len(models))]
    heads = [f'"provider":"{maker}","model":"{name}"' for maker, name in models]
    bits, below, last = rng.getrandbits, rng.random, None
    with open(path + ".part", "w", buffering=1 << 20) as out:
        for i in range(lines):
            second = i * 86400 * 30 // lines
            if second != last:
                last, stamp = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(began + second))
            r = bits(64)
            inputs = r & 0x7FFF
            outputs = (r >> 15) & 0xFFF
            out.write('{"v":1,"id":"01J%013X","ts":"%s.%03dZ","tenant":"tenant-%03d",%s,'
                      '"input":%d,"output":%d,"cache_read":%d,"reasoning":%d}\n' % (
                          i * 2654435761 % (1 << 52), stamp, i % 1000,
                          int(below() ** 2 * 500), heads[(r >> 40) % 40], inputs, outputs,
                          (r >> 27) & 0x1FFF, outputs >> 2))
    os.rename(path + ".part", path)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("file", nargs="?", default="/tmp/native/native.jsonl")
    p.add_argument("--lines", type=int, default=10_000_000)
    p.add_argument("--binary", default="target/release/outlay")
    p.add_argument("--duckdb-python", default=sys.executable)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--dedupe", action="store_true", help="also have DuckDB keep one row an id")
    a = p.parse_args()
    path = os.path.abspath(a.file)
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, a.lines)
    with tempfile.TemporaryDirectory() as home:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "OUTLAY_"))} | {"HOME": home}
        duck = [a.duckdb_python, "-c", DUCK, path]
        commands = {"outlay report": [os.path.abspath(a.binary), "report", "--ledger", path, "--by", "tenant,model",
                                      "--format", "json"],
                    "duckdb": [*duck, "plain", ",".join(COUNTS)]}
        if a.dedupe:
            commands["duckdb, by id"] = [*duck, "dedupe", ",".join(COUNTS)]
        runs = {name: [] for name in commands}
        with open(path, "rb") as f:  # into the page cache, so that the first run is no worse off
            while f.read(1 << 24):
                pass
        for _ in range(a.rounds):
            for name, command in commands.items():
                runs[name].append(measured(command, env))
    pick = lambda name, i: statistics.median(run[i] for run in runs[name])
    version = subprocess.run([a.duckdb_python, "-c", "import duckdb; print(duckdb.__version__)"],
                             capture_output=True, text=True).stdout.strip()
    size = os.path.getsize(path)
    got = json.loads(runs["outlay report"][-1][3])
    print(f"{size / 1e9:.2f} GB, {got['total']['calls']} calls, DuckDB {version}, {os.cpu_count()} cores, "
          f"load {os.getloadavg()[0]:.1f}, median of {a.rounds}")
    for name in commands:
        each = " ".join(f"{run[0]:.2f}" for run in runs[name])
        print(f"{name:14} {pick(name, 0):7.2f} CPU s  {pick(name, 1):7.2f} s  {max(r[2] for r in runs[name]):7.1f} MiB peak"
              f"  {size / 1e6 / pick(name, 0):6.0f} MB a CPU s  (CPU: {each})")
    print(f"ratio          {pick('outlay report', 0) / pick('duckdb', 0):.2f} x the CPU of DuckDB")
    ours = {(r["tenant"], r["model"]): (r["calls"], *(r["tokens"][c] for c in COUNTS)) for r in got["rows"]}
    wrong = []
    for name in list(commands)[1:]:
        theirs = {tuple(r[:2]): tuple(r[2:]) for r in json.loads(runs[name][-1][3])}
        odd = [k for k in ours.keys() | theirs.keys() if ours.get(k) != theirs.get(k)]
        if odd:
            wrong.append(f"{len(odd)} rows differ from {name}, such as {odd[0]}: "
                         f"{ours.get(odd[0])} for {theirs.get(odd[0])}")
    print(f"sums           " + (f"the same in {len(ours)} rows" if not wrong else "WRONG: " + "; ".join(wrong)))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
