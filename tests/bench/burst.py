#!/usr/bin/env python3
"""The burst: many calls at once against one small cap, in six shapes; what is billed, served and refused.

    tests/bench/burst.py [--outlay target/debug/outlay] [--simulator target/debug/examples/simulated_provider]
                         [--calls 200] [--cap 1.00] [--shape NAME]…

Each shape has a guard, a store and a provider of its own. The provider takes a second before it answers. A call is
held for about $0.05. Never may more be billed than the cap, the books are the bill, and a second after the last
answer no money is held. Where the provider counts more of the prompt than the text shows nobody can know before: there
the bound is what was in flight when it first showed, and the model is marked. Where calls ask for ten times what they
use, the cap must still be usable: at least 185 of 200 are served within 60 s; and callers that go on calling spend at
least 99 % of it. The script ends with 1 where one of
these does not hold.
"""
import argparse, decimal, http.client, json, pathlib, sys, threading, time, urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from guarded import World

#: gpt-4.1 at $8 per million tokens of output.
OUTPUT = 6_000
LATENCY = "stall=1s@headers"


class Shape:
    def __init__(self, name, script, limit=OUTPUT, stream=False, leaves=False, max_wait="2s", least=0, spends=0, latency=LATENCY):
        self.name, self.script, self.limit, self.latency = name, script, limit, latency
        self.stream, self.leaves, self.max_wait, self.least = stream, leaves, max_wait, least
        #: The share of the cap that must be spent, per cent; then each caller calls until the cap is used up.
        self.spends = spends

    def body(self):
        prompt = f"[[sim {self.latency} {self.script}]]"
        body = {"model": "gpt-4.1", "messages": [{"role": "user", "content": prompt}]}
        if self.limit:
            body["max_tokens"] = self.limit
        if self.stream:
            body["stream"] = True
        return json.dumps(body)


SHAPES = [
    Shape("exact max_tokens", f"output={OUTPUT}"),
    Shape("no max_tokens", f"output={OUTPUT}", limit=None),
    Shape("max_tokens ten times the use", f"output={OUTPUT // 10}", max_wait="60s", least=185),
    Shape("hidden input", f"output={OUTPUT} input=6000"),
    Shape("stream", f"output={OUTPUT} chunk=500", stream=True),
    Shape("offered load, a waiting room", "output=150", limit=1_200, max_wait="60s", spends=99, latency="stall=200ms@headers"),
    Shape("stream, clients leave", f"output={OUTPUT} chunk=500 slow=20ms", stream=True, leaves=True),
]


def caller(world, shape, statuses, at):
    """Calls once, or until the cap is used up."""
    call(world, shape, statuses, at)
    while shape.spends and statuses[at] == 200:
        statuses.append(200)
        call(world, shape, statuses, at)


def call(world, shape, statuses, at):
    """Makes one call; a client that leaves does so after the first piece."""
    host = urllib.parse.urlparse(world.url).netloc
    connection = http.client.HTTPConnection(host, timeout=120)
    headers = {"content-type": "application/json", "x-outlay-tenant": "acme"}
    try:
        connection.request("POST", "/v1/chat/completions", shape.body(), headers)
        answer = connection.getresponse()
        if shape.leaves and answer.status == 200:
            answer.read(1)
        else:
            answer.read()
        statuses[at] = answer.status
    except OSError as error:
        statuses[at] = str(error)
    finally:
        connection.close()


def run(arguments, shape):
    """Runs one shape; returns a row of the table and what does not hold."""
    cap = f'[[cap]]\nscope = "tenant:acme"\nlimit = "{arguments.cap}/day"\n'
    guard = f'trust = true\nmax_wait = "{shape.max_wait}"\ndefault_output = {OUTPUT}'
    world = World(arguments.outlay, arguments.simulator, guard, cap)
    callers = 64 if shape.spends else arguments.calls
    statuses = [None] * callers
    threads = [threading.Thread(target=caller, args=(world, shape, statuses, at)) for at in range(callers)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    if shape.leaves:
        # The provider is read to its end behind the clients' backs.
        world.quiet()
    time.sleep(1)
    holds = world.open_holds()
    billed, ledger = sum(world.billed().values()), sum(world.ledger().values())
    dearest = max((line["nanodollars"] for line in world.bill()["lines"]), default=0)
    marked = world.metric("outlay_oddities_total", 'kind="bound_passed"')
    served = statuses.count(200)
    odd = [status for status in statuses if status not in (200, 400, 402, 429)]
    world.close()
    limit, hidden = int(decimal.Decimal(arguments.cap) * 10**9), "input=" in shape.script
    # A call holds $0.048 and little more: so many fit at once.
    in_flight = limit // 48_000_000 * dearest
    faults = [
        billed > (in_flight if hidden else limit) and f"billed {dollars(billed)}",
        ledger != billed and f"the books say {dollars(ledger)}, the bill {dollars(billed)}",
        holds and f"{holds} holds are open",
        served < shape.least * arguments.calls // 200 and f"{served} served",
        billed * 100 < limit * shape.spends and f"only {dollars(billed)} of the cap are spent",
        hidden and not marked and "the model is not marked",
        odd and f"odd answers: {odd[:3]}",
    ]
    row = f"{shape.name:<30} {dollars(billed):>8} {served:>7} {len(statuses) - served:>8} {holds:>6}   {'yes' if ledger == billed else 'NO':<6} {took:5.1f} s"
    return row, [f"{shape.name}: {fault}" for fault in faults if fault]


def dollars(nanos):
    return f"${nanos / 1e9:.4f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outlay", default="target/debug/outlay")
    parser.add_argument("--simulator", default="target/debug/examples/simulated_provider")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--cap", default="1.00")
    parser.add_argument("--shape", action="append")
    arguments = parser.parse_args()
    print(f"{arguments.calls} calls at once, a cap of ${arguments.cap}, each held for about $0.05, 1 s upstream")
    print(f"{'shape':<30} {'billed':>8} {'served':>7} {'refused':>8} {'holds':>6}   {'books':<6} took", flush=True)
    faults = []
    for shape in SHAPES:
        if arguments.shape and shape.name not in arguments.shape:
            continue
        row, found = run(arguments, shape)
        print(row, flush=True)
        faults += found
    for fault in faults:
        print("does not hold:", fault)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
