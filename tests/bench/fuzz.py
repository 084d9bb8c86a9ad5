#!/usr/bin/env python3
"""Fuzzes every decoder, one after another, and prints a table.

    tests/bench/fuzz.py [TARGET ...] [--runs 1000000] [--keep]

Needs `cargo install --locked cargo-fuzz`; a stable compiler will do. Each target starts from its kept corpus
(tests/corpus/TARGET), uses its words (fuzz/dict/TARGET.dict) and gathers what is new in fuzz/corpus/TARGET. The input
that breaks one lands in fuzz/artifacts/TARGET: keep it in tests/corpus/TARGET as found-WHAT-IT-IS, where the ordinary
tests replay it. --keep then chooses anew, of all that was gathered, the few small inputs that reach most, for the kept
corpus; files named seed-* and found-* always stay.
"""
import argparse, hashlib, os, re, subprocess, sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILES, BYTES, LARGEST = 40, 64 << 10, 2 << 10
# No sanitizer: they need a nightly compiler, and the program has no unsafe code. Comparisons are not traced: that halves
# the speed, and the words of the dictionaries do the same for less.
BUILD = ["-s", "none", "--no-trace-compares"]
LIMITS = ["-max_len=4096", "-timeout=300", "-report_slow_units=300", "-rss_limit_mb=6000", "-print_final_stats=1"]


def fuzz(target, folders, options):
    command = ["cargo", "fuzz", "run", *BUILD, target, *folders, "--", *options]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")


def folders_of(target):
    working, kept = f"fuzz/corpus/{target}", f"tests/corpus/{target}"
    os.makedirs(os.path.join(ROOT, working), exist_ok=True)
    return working, kept


def run(target, runs):
    words = f"-dict=fuzz/dict/{target}.dict"
    done = fuzz(target, folders_of(target), [f"-runs={runs}", words, *LIMITS])
    last = lambda pattern: (re.findall(pattern, done.stderr) or ["-"])[-1]
    print(f"{target:14} {last(r'number_of_executed_units: *([0-9]+)'):>9} runs  {last(r'in ([0-9]+) second'):>5} s  "
          f"cov {last(r'cov: ([0-9]+)'):>5}  ft {last(r'ft: ([0-9]+)'):>6}  slowest {last(r'slowest_unit_time_sec: *([0-9]+)')} s  "
          f"{'ok' if done.returncode == 0 else 'BROKEN'}", flush=True)
    if done.returncode != 0:
        print(done.stderr[-3000:], file=sys.stderr)
    return done.returncode == 0


def keep(target):
    """Chooses greedily by edges reached, then by their counts, smaller files first among equals."""
    working, kept = folders_of(target)
    control = os.path.join(ROOT, working + ".merge")
    open(control, "w").close()
    # A merge into an empty folder notes for each input what it is the first, by size, to reach.
    empty = os.path.join(ROOT, working + ".empty")
    os.makedirs(empty, exist_ok=True)
    done = fuzz(target, [empty, kept, working], ["-merge=1", f"-merge_control_file={control}"])
    if done.returncode != 0:
        sys.exit(done.stderr[-3000:])
    lines = open(control).read().split("\n")
    names = lines[2:2 + int(lines[0])]
    reach = {name: set() for name in names}
    for line in lines[2 + len(names):]:
        kind, *numbers = line.split(" ")
        if kind in ("FT", "COV"):
            reach[names[int(numbers[0])]].update((kind, number) for number in numbers[1:])
    subprocess.run(["rm", "-r", empty, control], check=True)
    stays = [name for name in names if re.search(r"/(seed|found)-[^/]*$", name)]
    reached = set().union(*(reach[name] for name in stays))
    room = BYTES - sum(os.path.getsize(os.path.join(ROOT, name)) for name in stays)
    rest = [name for name in names if name not in stays and os.path.getsize(os.path.join(ROOT, name)) < LARGEST]
    data = {name: open(os.path.join(ROOT, name), "rb").read() for name in rest}
    chosen = []
    while rest and len(stays) + len(chosen) < FILES:
        worth = lambda name: (sum(kind == "COV" for kind, _ in reach[name] - reached),
                              len(reach[name] - reached), -len(data[name]))
        best = max(rest, key=worth)
        if len(data[best]) > room or not reach[best] - reached:
            break
        rest.remove(best)
        chosen.append(data[best])
        room -= len(data[best])
        reached |= reach[best]
    folder = os.path.join(ROOT, kept)
    for name in os.listdir(folder):
        if not name.startswith(("seed-", "found-")):
            os.remove(os.path.join(folder, name))
    for content in chosen:
        with open(os.path.join(folder, hashlib.sha1(content).hexdigest()[:12]), "wb") as out:
            out.write(content)
    print(f"{target:14} keeps {len(stays) + len(chosen)} files, {BYTES - room} bytes", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    every = sorted(name[:-3] for name in os.listdir(os.path.join(ROOT, "fuzz/fuzz_targets")))
    targets = options.targets or every
    good = [run(target, options.runs) for target in targets] if options.runs else []
    if options.keep:
        for target in targets:
            keep(target)
    sys.exit(0 if all(good) else 1)


main()
