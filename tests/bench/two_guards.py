#!/usr/bin/env python3
"""Two guards on one file: many calls of many tenants under caps within caps, and no cap is passed anywhere.

    tests/bench/two_guards.py [--outlay …] [--simulator …] [--calls 10000] [--tenants 100] [--callers 16]

Each guard has half of the callers. There are caps on everything, on each tenant, on a model, and on a model of each
of ten tenants, so that each of them is reached. At the end nothing is charged past any of them, what the provider has
billed is what the ledger has, both guards have answered about as many calls (0.8 to 1.25 times the other's), and
none has taken longer than a second.
"""
import argparse, http.client, json, random, sqlite3, sys, threading, time, urllib.parse

from faulty import BODY, programs
from guarded import World

#: What one call costs at most here: 20 tokens of output and a short prompt of gpt-4o-mini, nanodollars.
ONE = 14_000
MODELS = ("gpt-4o-mini", "gpt-4.1")


def caps(arguments):
    """Caps in nanodollars, by scope; each is used up by a part of the calls."""
    each = arguments.calls // arguments.tenants
    found = {"all": arguments.calls * ONE * 9 // 10, "each-tenant": each * ONE * 21 // 20, "model:gpt-4.1": arguments.calls * ONE * 7 // 10}
    found |= {f"tenant:t{number}+model:gpt-4o-mini": each * ONE // 8 for number in range(10)}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    programs(parser)
    for name, usual in (("calls", 10_000), ("tenants", 100), ("callers", 16), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    arguments = parser.parse_args()
    limits = caps(arguments)
    text = "".join(f'[[cap]]\nscope = "{scope}"\nlimit = "{nanos / 1e9:.9f}/day"\n' for scope, nanos in limits.items())
    world = World(arguments.outlay, arguments.simulator, 'trust = true\nmax_wait = "0"', text)
    second, (url, _) = world.another()
    addresses = [urllib.parse.urlparse(address).netloc for address in (world.url, url)]
    left, lock, seen = iter(range(arguments.calls)), threading.Lock(), []

    def caller(number):
        rng, side = random.Random(arguments.seed + number), number % 2
        connection = http.client.HTTPConnection(addresses[side], timeout=30)
        while True:
            with lock:
                if next(left, None) is None:
                    return
            tenant, model = f"t{rng.randrange(arguments.tenants)}", rng.choice(MODELS)
            body = {**BODY, "model": model, "max_tokens": 20, "messages": [{"role": "user", "content": "[[sim output=20]]"}]}
            began = time.monotonic()
            connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json", "x-outlay-tenant": tenant})
            answer = connection.getresponse()
            answer.read()
            seen.append((side, answer.status, time.monotonic() - began))

    # Each guard loads the vocabulary at its first call: that is not measured.
    for address in addresses:
        connection = http.client.HTTPConnection(address, timeout=30)
        connection.request("POST", "/v1/chat/completions", json.dumps({**BODY, "messages": [{"role": "user", "content": "[[sim output=1]]"}]}),
                           {"content-type": "application/json", "x-outlay-tenant": "first"})
        connection.getresponse().read()
        connection.close()
    threads = [threading.Thread(target=caller, args=(number,)) for number in range(arguments.callers)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    world.quiet()
    second.terminate()
    second.wait()
    billed, ledger = sum(world.billed().values()), sum(world.ledger().values())
    with sqlite3.connect(f"{world.home.name}/outlay.db") as rows:
        holds = rows.execute("SELECT t.text, m.text, CASE WHEN state < 2 THEN money WHEN state = 4 THEN 0 ELSE charged_money END "
                             "FROM hold JOIN name t ON t.id = hold.tenant JOIN name m ON m.id = hold.model").fetchall()
    rows.close()
    spent = {}
    for tenant, model, money in holds:
        for scope in ("all", f"each-tenant {tenant}", f"model:{model}", f"tenant:{tenant}+model:{model}"):
            spent[scope] = spent.get(scope, 0) + money
    world.close()
    over = [f"{scope}: {money} of {limits[scope.split()[0]]}" for scope, money in spent.items()
            if scope.split()[0] in limits and money > limits[scope.split()[0]]]
    reached = {scope.split()[0] for scope, money in spent.items() if scope.split()[0] in limits and money > limits[scope.split()[0]] - 400_000}
    sides = [sum(side == this for side, *_ in seen) for this in (0, 1)]
    statuses = {status: sum(found == status for _, found, _ in seen) for status in sorted({found for _, found, _ in seen})}
    ratio, slowest = sides[0] / sides[1], max(took for *_, took in seen)
    print(f"{len(seen)} calls of {arguments.tenants} tenants in {took:.0f} s: {statuses}; {sides[0]} and {sides[1]} by guard, ratio {ratio:.2f}; slowest {slowest * 1e3:.0f} ms")
    print(f"billed {billed}, in the ledger {ledger}; {len(limits)} caps, {len(spent)} sums; reached: {len(reached)} kinds; over: {len(over)}")
    wrong = [
        over and f"passed: {over[:3]}",
        billed != ledger and "the ledger is not the bill",
        not 0.8 <= ratio <= 1.25 and f"one guard has answered {ratio:.2f} times as many as the other",
        slowest > 1 and f"a call took {slowest:.2f} s",
        set(statuses) - {200, 402, 429} and f"odd answers: {statuses}",
        len(reached) < len(limits) and f"not reached: {sorted(set(limits) - reached)}",
    ]
    for fault in filter(None, wrong):
        print("does not hold:", fault)
    sys.exit(any(wrong))


if __name__ == "__main__":
    main()
