#!/usr/bin/env python3
"""Reads a corpus of Claude Code logs with `outlay report` and with `wc -l`, turn about, and compares.

    tests/bench/report.py CORPUS [--binary target/release/outlay] [--rounds 5]

CORPUS is a folder with `.claude/projects/**/*.jsonl` and, where the totals are known, `expected.json`.
Prints CPU seconds, their ratio, wall time, peak memory, and whether the totals are exact.
"""
import argparse, glob, json, os, statistics, sys

from pty_run import measured


def main():
    p = argparse.ArgumentParser()
    p.add_argument("corpus")
    p.add_argument("--binary", default="target/release/outlay")
    p.add_argument("--rounds", type=int, default=5)
    a = p.parse_args()
    files = sorted(glob.glob(os.path.join(a.corpus, ".claude/projects/**/*.jsonl"), recursive=True))
    pattern = os.path.join(a.corpus, ".claude/projects/**/*.jsonl")
    report = [a.binary, "report", "--ledger", pattern, "--by", "model", "--format", "json"]
    wc, ours = [], []
    for _ in range(a.rounds):
        wc.append(measured(["wc", "-l", *files]))
        ours.append(measured(report))
    pick = lambda runs, i: statistics.median(run[i] for run in runs)
    print(f"{len(files)} files, {sum(map(os.path.getsize, files)) / 1e9:.2f} GB, median of {a.rounds}")
    print(f"wc -l          {pick(wc, 0):.3f} CPU s   {pick(wc, 1):.3f} s")
    print(f"outlay report  {pick(ours, 0):.3f} CPU s   {pick(ours, 1):.3f} s   {max(r[2] for r in ours):.1f} MiB peak")
    print(f"ratio          {pick(ours, 0) / pick(wc, 0):.2f} x the CPU of wc -l")
    known = os.path.join(a.corpus, "expected.json")
    if os.path.exists(known):
        want, got = json.load(open(known))["total"], json.loads(ours[-1][3])["total"]
        pairs = [("responses", got["calls"]), ("input", got["tokens"]["input"]), ("output", got["tokens"]["output"]),
                 ("cache_read", got["tokens"]["cache_read"]), ("cache_write_5m", got["tokens"]["cache_write_short"]),
                 ("cache_write_1h", got["tokens"]["cache_write_long"])]
        wrong = [f"{k}: {got} for {want[k]}" for k, got in pairs if want[k] != got]
        print("totals         " + ("exact" if not wrong else "WRONG: " + "; ".join(wrong)))
        sys.exit(bool(wrong))


main()
