#!/usr/bin/env python3
"""Replays spend against the forecast, and says how often the 80 % range held what came.

    tests/bench/forecast.py [--trace azure-llm-2023-conv.csv] [--binary target/debug/examples/forecast] [--seed 1]

Two kinds of spend. A real one: the conversation trace of the Azure LLM inference dataset 2023 (CC BY 4.0, Patel et
al., "Splitwise", ISCA 2024; not part of this project), 58 minutes of single calls, each minute taken for an hour and
priced at $3 and $15 a million tokens, as a whole and for tenants that are every n-th call. And generated months:
the rhythm of a day and a week, noise that lasts some hours, bursts of single jobs, and one runaway.

A forecast is asked for at every hour from the 24th on, for several hours ahead, with what was known then. Prints for
each kind and horizon: how many, how often the range held, how wide it was in parts of the middle, and how far the
middle was off. Ends with 1 where the range held less than 75 % or more than 85 % over all horizons up to a day.
"""
import argparse, csv, math, os, random, statistics, subprocess, sys
from collections import defaultdict
from datetime import datetime

LEAST, MOST, DAY = 0.75, 0.85, 24


def trace(path):
    """Spend of each minute of the trace, in nanodollars: all calls, and those of tenants."""
    rows = [(datetime.fromisoformat(r["TIMESTAMP"][:26]), int(r["ContextTokens"]), int(r["GeneratedTokens"]))
            for r in csv.DictReader(open(path))]
    start = rows[0][0]
    length = int((rows[-1][0] - start).total_seconds()) // 60
    series = {}
    for every in (1, 3, 7, 31):
        for first in range(min(every, 7)):
            spent = [0] * length
            for at, prompt, output in rows[first::every]:
                minute = int((at - start).total_seconds()) // 60
                if minute < length:
                    spent[minute] += prompt * 3_000 + output * 15_000
            series[f"{every}.{first}"] = spent
    return series


def month(random, runaway):
    """A month of spend by the hour, in nanodollars."""
    scale, depth, weekend = 10 ** random.uniform(-1, 2), random.uniform(0, 0.9), random.uniform(0.2, 1)
    peak, noise, lasts = random.uniform(8, 18), random.uniform(0.05, 0.5), random.uniform(0.3, 0.95)
    jobs, drift, spent = random.choice([0, 0, 0.02, 0.1]), 0.0, []
    began = random.randrange(10 * 24, 28 * 24) if runaway else None
    for hour in range(30 * 24):
        usual = 1 + depth * math.cos((hour % 24 - peak) * math.tau / 24)
        usual *= weekend if hour // 24 % 7 >= 5 else 1
        drift = lasts * drift + random.gauss(0, noise * math.sqrt(1 - lasts * lasts))
        dollars = scale * usual * math.exp(drift) * random.gauss(1, 0.1)
        if random.random() < jobs:
            dollars += scale * random.expovariate(0.3)
        if began is not None and began <= hour < began + 6:
            dollars += 8 * scale
        spent.append(max(0, round(dollars * 1e9)))
    return spent


def foretold(binary, series):
    """Yields (hours known, hours ahead, what came, middle, low, high) for all series."""
    text = "".join(" ".join(map(str, spent)) + "\n" for spent in series)
    output = subprocess.run([binary], input=text, capture_output=True, text=True, check=True).stdout
    for line in output.splitlines():
        _, known, ahead, came, middle, low, high = line.split()
        yield int(known), int(ahead), int(came), int(middle), None if low == "-" else int(low), None if high == "-" else int(high)


def told(name, binary, series):
    """Prints how good the forecasts of some series were; returns how often the range held up to a day ahead."""
    groups, without = defaultdict(list), defaultdict(int)
    for _, ahead, came, middle, low, high in foretold(binary, series):
        if low is None:
            without[ahead] += 1
        elif middle > 0:
            groups[ahead].append((low <= came <= high, (high - low) / middle, abs(came - middle) / middle))
    held = []
    for ahead, rows in sorted(groups.items()):
        hit, wide, off = (statistics.fmean(r[0] for r in rows), *(statistics.median(r[i] for r in rows) for i in (1, 2)))
        print(f"{name:10} {ahead:4} h ahead  {len(rows):7} forecasts  held {hit:6.1%}  range {wide:5.2f} of the middle  "
              f"middle off {off:5.2f}  without a range {without[ahead]}")
        if ahead <= DAY:
            held += [r[0] for r in rows]
    share = statistics.fmean(held)
    print(f"{name:10} up to a day    {len(held):7} forecasts  held {share:6.1%}", flush=True)
    return share


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--trace")
    p.add_argument("--binary", default="target/debug/examples/forecast")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--months", type=int, default=40)
    a = p.parse_args()
    if not os.path.exists(a.binary):
        sys.exit(f"{a.binary} is not there: build it with `cargo build --locked --example forecast`")
    dice = random.Random(a.seed)
    kinds = {"month": [month(dice, False) for _ in range(a.months)], "runaway": [month(dice, True) for _ in range(a.months)]}
    if a.trace:
        kinds["trace"] = list(trace(a.trace).values())
    shares = {name: told(name, a.binary, series) for name, series in kinds.items()}
    wrong = [f"{name}: held {share:.1%}, not {LEAST:.0%} to {MOST:.0%}" for name, share in shares.items() if not LEAST <= share <= MOST]
    for what in wrong:
        print("WRONG", what)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
