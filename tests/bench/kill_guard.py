#!/usr/bin/env python3
"""Two guards on one store under load; one or the other is killed with SIGKILL at random moments, and started again.

    tests/bench/kill_guard.py [--outlay …] [--simulator …] [--kills 100] [--seconds 1e9] [--callers 16]
                              [--cuts 0] [--errors 0] [--pause 0.25] [--seed N]

--cuts and --errors are shares of the calls, in per cent: clients that leave in the middle of a stream, and providers
that answer 500. --pause is the mean time between two kills, seconds. A guard that starts has closed what its
predecessor left two seconds later at most. At the end both are quiet for two seconds, and then: no money is held;
the ledger is never less than what was billed, and never more than that and what is uncertain; every call that was
answered in full is in the ledger; what is over-counted is no more than what was held by the calls in flight at the
kills; and the books balance.
"""
import argparse, http.client, json, os, random, signal, sqlite3, sys, threading, time, urllib.parse

from faulty import BODY, money, programs
from guarded import World

CAP = '[[cap]]\nscope = "all"\nlimit = "100000.00/day"\n[[cap]]\nscope = "each-tenant"\nlimit = "1000.00/day"\n'
ORDERLY = ("complete", "cut", "left", "error", "broken", "refused")


class Seat:
    """Where a guard is: callers look here before each call."""

    def __init__(self, world):
        self.world, self.process, self.address = world, None, None
        self.sit()

    def sit(self):
        began = time.monotonic()
        self.process, (url, self.admin) = self.world.another()
        self.address = urllib.parse.urlparse(url).netloc
        return time.monotonic() - began


class Load:
    """Callers that go on until they are told to stop."""

    def __init__(self, arguments, seats):
        self.arguments, self.seats, self.stopped = arguments, seats, threading.Event()
        self.refusals = {}
        self.lock, self.counts, self.answered = threading.Lock(), dict.fromkeys(ORDERLY, 0), set()
        self.threads = [threading.Thread(target=self.caller, args=(at,)) for at in range(arguments.callers)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def caller(self, at):
        rng, connection, where, number = random.Random(self.arguments.seed + at), None, None, 0
        while not self.stopped.is_set():
            seat, number = rng.choice(self.seats), number + 1
            if connection is None or where != seat.address:
                where = seat.address
                connection = http.client.HTTPConnection(where, timeout=60)
            chance = rng.random() * 100
            kind = "left" if chance < self.arguments.cuts else "error" if chance < self.arguments.cuts + self.arguments.errors else "complete"
            try:
                came, call = self.call(connection, kind, f"t{at}")
            except (OSError, http.client.HTTPException):
                came, call = "broken", None
            if came != "complete":
                connection.close()
                connection = None
            with self.lock:
                self.counts[came] += 1
                if call:
                    self.answered.add(call)

    def call(self, connection, kind, tenant):
        script = {"left": "output=30 chunk=1 slow=1ms", "error": "status=500", "complete": "output=20"}[kind]
        body = {**BODY, "messages": [{"role": "user", "content": f"[[sim {script}]]"}]}
        if kind == "left":
            body["stream"] = True
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json", "x-outlay-tenant": tenant})
        answer = connection.getresponse()
        call = answer.getheader("x-outlay-call")
        if kind == "left" and answer.status == 200:
            answer.read(200)
            return "left", None
        answer.read()
        if answer.status == 200:
            return "complete", call
        if answer.status == 500:
            return "error", None
        with self.lock:
            self.refusals[answer.status] = self.refusals.get(answer.status, 0) + 1
        return "refused", None

    def calls(self):
        with self.lock:
            return sum(self.counts.values())


def seen(store, answered):
    """How many of the answered calls have no hold in the store."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as rows:
        known = {((high & (1 << 64) - 1) << 64) | (low & (1 << 64) - 1) for high, low in rows.execute("SELECT call_high, call_low FROM hold WHERE state IN (2, 3)")}
    return sum(int(call, 16) not in known for call in answered)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    programs(parser)
    for name, kind, usual in [("kills", int, 100), ("seconds", float, 1e9), ("callers", int, 16), ("cuts", float, 0),
                              ("errors", float, 0), ("pause", float, 0.25), ("seed", int, int(time.time()))]:
        parser.add_argument(f"--{name}", type=kind, default=usual)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    world = World(arguments.outlay, arguments.simulator, "trust = true", CAP)
    world.guard.terminate()
    world.guard.wait()
    store = os.path.join(world.home.name, "outlay.db")
    seats = [Seat(world), Seat(world)]
    load = Load(arguments, seats)
    load.start()
    faults, kills, slowest, in_flight, began = [], 0, 0.0, 0, time.monotonic()
    while kills < arguments.kills and time.monotonic() - began < arguments.seconds:
        time.sleep(rng.uniform(0, 2 * arguments.pause))
        seat = rng.choice(seats)
        seat.process.send_signal(signal.SIGKILL)
        seat.process.wait()
        _, _, held, _ = money(store)
        kills += 1
        in_flight += held
        took = seat.sit()
        slowest = max(slowest, took)
        if took > 2:
            faults.append(f"kill {kills}: the next guard needed {took:.2f} s")
    load.stop()
    took = time.monotonic() - began
    quiet = time.monotonic()
    while money(store)[2] and time.monotonic() - quiet < 10:
        time.sleep(0.02)
    waited = time.monotonic() - quiet
    if waited > 2:
        faults.append(f"money is held {waited:.2f} s after the last call")
    for seat in seats:
        seat.process.send_signal(signal.SIGTERM)
        if seat.process.wait(timeout=60) != 0:
            faults.append("a guard does not end well")
    settled, uncertain, reserved, holds = money(store)
    bill = world.bill()
    billed, ledger = bill["nanodollars"], sum(world.ledger().values())
    lacking = seen(store, load.answered)
    for wrong in (
        reserved and f"{reserved} are held at the end",
        ledger != settled + uncertain and f"the ledger has {ledger}, the holds {settled} + {uncertain}",
        not billed <= ledger and f"billed {billed}, counted {ledger}",
        not ledger <= billed + uncertain and f"more is counted than billed, and nothing says so: {ledger - billed}",
        uncertain > in_flight and not arguments.errors and not arguments.cuts and f"{uncertain} are uncertain, {in_flight} were held at the kills",
        lacking and f"{lacking} of {len(load.answered)} answered calls are not in the books",
        bill["requests"] > holds and f"{bill['requests']} requests, {holds} holds",
        "balance to the nanodollar" not in world.run("doctor", "--books") and "the books do not balance",
    ):
        if wrong:
            faults.append(wrong)
    counts = ", ".join(f"{count} {name}" for name, count in load.counts.items() if count)
    counts += f", by status {load.refusals}" if load.refusals else ""
    print(f"seed {arguments.seed}: {kills} kills, {load.calls()} calls ({counts}) in {took:.0f} s, {bill['requests']} requests upstream")
    print(f"billed {billed}, in the ledger {ledger}, of which uncertain {uncertain}; held at the kills {in_flight}; "
          f"slowest start {slowest:.2f} s; quiet after {waited:.2f} s; {lacking} of {len(load.answered)} answered calls lost")
    world.provider.terminate()
    for fault in faults[:20]:
        print("does not hold:", fault)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
