#!/usr/bin/env python3
"""Kills `outlay import` with SIGKILL at random moments and looks whether the sums come out the same.

    tests/bench/kill.py [--binary target/release/outlay] [--kills 50] [--lines 300000] [--corpus DIR]

The ledgers: native lines in several files, with repeated ids (in one file and across files) and bad lines, and,
with --corpus, the Claude Code logs in DIR/.claude/projects. They are imported once into a clean store. Then into
another store, each import killed at a random moment and begun again until one finishes; its report and books are
compared with the clean ones; and so on with a new store until enough kills have landed. A kill counts only if it
ended the import.
"""
import argparse, json, os, random, re, shutil, signal, subprocess, sys, tempfile, time


def write(folder, lines, files, rng):
    """Writes native ledgers: 2% of the lines repeat an id of any file with other counts, 0.1% cannot be read."""
    day = 1793491200  # 2026-11-01T00:00:00Z
    models = ["gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "claude-haiku-4-5", "gemini-2.5-pro", "an-unpriced-model"]
    os.makedirs(folder)
    n = 0
    for f in range(files):
        with open(os.path.join(folder, f"calls-{f}.jsonl"), "w") as out:
            for _ in range(lines // files):
                x = rng.random()
                if x < 0.001:
                    out.write('{"v":1,"id":"cut off\n')
                    continue
                call = rng.randrange(n) if x < 0.021 and n else n
                n += call == n
                r = random.Random(call)  # a repeated id keeps its tenant, model and time
                out.write('{"v":1,"id":"call-%08d","ts":%d,"tenant":"tenant-%02d","model":"%s",'
                          '"input":%d,"output":%d,"cache_read":%d%s}\n' % (
                              call, day + r.randrange(20 * 86400), r.randrange(40), r.choice(models),
                              rng.randrange(20000), rng.randrange(2000), rng.randrange(9000),
                              ',"cost_usd":"0.%09d"' % rng.randrange(10**9) if x > 0.95 else ""))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--binary", default="target/release/outlay")
    p.add_argument("--kills", type=int, default=50)
    p.add_argument("--lines", type=int, default=300_000)
    p.add_argument("--files", type=int, default=6)
    p.add_argument("--corpus", help="folder with .claude/projects/**/*.jsonl to import as well")
    p.add_argument("--seed", type=int, default=int(time.time()))
    p.add_argument("--keep", action="store_true", help="leave the stores of a wrong round")
    p.add_argument("--seconds", type=float, default=1e9, help="begin no new round after this long")
    a = p.parse_args()
    binary, rng, began = os.path.abspath(a.binary), random.Random(a.seed), time.monotonic()
    work = tempfile.mkdtemp(prefix="outlay-kill-")
    home = os.path.join(work, "home")
    os.makedirs(home)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "OUTLAY_", "CLAUDE_", "CODEX_"))}
    env["HOME"] = home
    write(os.path.join(work, "ledgers"), a.lines, a.files, rng)
    globs = [os.path.join(work, "ledgers", "*.jsonl")]
    if a.corpus:
        globs.append(os.path.join(os.path.abspath(a.corpus), ".claude/projects/**/*.jsonl"))

    def outlay(*arguments):
        return subprocess.run([binary, *arguments], env=env, cwd=home, capture_output=True, text=True)

    def importing(store):
        return subprocess.Popen([binary, "import", *globs, "--store", store], env=env, cwd=home,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def books(store, seen=None):
        """Returns what is wrong with the books, or nothing; adds the number of calls in the store to `seen`."""
        r = outlay("doctor", "--books", "--store", store)
        held = re.search(r"([\d,]+) calls", r.stdout)
        if held and seen is not None:
            seen.append(int(held[1].replace(",", "")))
        good = r.returncode == 0 and "balance to the nanodollar" in r.stdout
        return None if good else f"doctor --books ended with {r.returncode}: {(r.stdout + r.stderr).strip()}"

    def report(store):
        r = outlay("report", "--store", store, "--by", "day,tenant,model", "--format", "json")
        if r.returncode:
            return None, f"report ended with {r.returncode}: {r.stderr.strip()}"
        return json.loads(r.stdout), None

    clean = os.path.join(work, "clean.db")
    started = time.monotonic()
    run = importing(clean)
    said = run.communicate()[0].strip()
    whole = time.monotonic() - started
    if run.returncode:
        sys.exit(f"the clean import ended with {run.returncode}: {said}")
    want, wrong = report(clean)
    wrong = wrong or books(clean)
    if wrong:
        sys.exit(f"clean store: {wrong}")
    print(f"seed {a.seed}; clean import {whole:.2f} s: {said}; {len(want['rows'])} rows", flush=True)
    # What differs between two imports that nobody killed is no fault of a kill.
    again = os.path.join(work, "again.db")
    importing(again).communicate()
    other, wrong = report(again)
    loose = [k for k in want if not other or other.get(k) != want[k]]
    if loose:
        print(f"note: two imports without a kill differ in {', '.join(loose)}{': ' + wrong if wrong else ''}", flush=True)

    landed = early = rounds = 0
    faults, notes, seen, looks = [], {}, [], 0
    while landed < a.kills and time.monotonic() - began < a.seconds:
        rounds += 1
        store, kills = os.path.join(work, f"round-{rounds}.db"), []
        # Some rounds are killed often and early, so that many kills meet one store; others anywhere in the import.
        reach, here = whole * rng.choice((0.15, 0.5, 1.0)), []
        while True:
            run = importing(store)
            # After 40 kills of one store, or once there are enough, it is let finish.
            if landed < a.kills and len(kills) < 40:
                moment = rng.uniform(0, reach)
                try:
                    run.wait(moment)
                except subprocess.TimeoutExpired:
                    run.send_signal(signal.SIGKILL)
                said = run.communicate()[0].strip()
            else:
                moment, said = None, run.communicate()[0].strip()
            if run.returncode != -signal.SIGKILL:
                if run.returncode:
                    here.append(f"import after kills {kills} ended with {run.returncode}: {said}")
                break
            landed += 1
            kills.append(round(moment, 3))
            early += not os.path.exists(store)
            if os.path.exists(store) and rng.random() < 0.5:  # otherwise the next import meets the store as killed
                looks += 1
                wrong = books(store, seen)
                if wrong:
                    here.append(f"between kills {kills}: {wrong}")
        got, wrong = report(store)
        here += [w for w in (wrong, books(store)) if w]
        if got:
            for part in ("rows", "total"):
                if got[part] != want[part]:
                    odd = ([g for g in got["rows"] if g not in want["rows"]] + [None])[0] if part == "rows" else got[part]
                    lacking = ([g for g in want["rows"] if g not in got["rows"]] + [None])[0] if part == "rows" else want[part]
                    here.append(f"{part} differ after kills {kills}\n    got  {odd}\n    want {lacking}")
            for part in ("bad_lines", "duplicates", "sources"):
                if got.get(part) != want.get(part):
                    notes.setdefault(part, f"first in round {rounds}: " + (
                        f"{got.get(part)} for {want.get(part)}" if part != "sources" else
                        str(next(((g, w) for g, w in zip(got[part], want[part]) if g != w), "another number of sources"))))
        faults += [f"round {rounds}: {w}" for w in here]
        if not (here and a.keep):
            for end in ("", "-wal", "-shm", "-journal"):
                if os.path.exists(store + end):
                    os.remove(store + end)
    print(f"{landed} kills in {rounds} rounds ({early} before there was a store; books looked at after {looks} "
          f"of them, {sum(0 < n < want['total']['calls'] for n in seen)} with a part of the calls), "
          f"{time.monotonic() - began:.0f} s")
    for part, note in notes.items():
        print(f"note: {part} differ, {note}")
    for fault in faults[:20]:
        print(f"WRONG {fault}")
    if not faults:
        print("every finished store: rows and total as in the clean one, books balance")
    if not (faults and a.keep):
        shutil.rmtree(work)
    else:
        print(f"kept {work}")
    sys.exit(bool(faults) or landed < a.kills)


main()
