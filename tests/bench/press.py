#!/usr/bin/env python3
"""From the press of a key to the first refusal: a cap is lowered under load, and it is measured when that is felt.

    tests/bench/press.py [--outlay …] [--simulator …] [--times 100] [--rate 200] [--most 100]

A guard takes --rate calls a second. A cap on the tenant is lowered to nothing, by turns with `outlay caps set` and by
the store's own transaction, as the screen does it; then it is raised again. What counts is the time from the commit,
which is when the command returns, or the transaction, to the answer of the first call that is refused, and to the
request of the last call that was let through after the commit. The latter must not exist: the next hold already
reads the new cap. The script ends with 1 where the first refusal comes later than --most milliseconds in one of a
hundred, or a call that began after the commit was let through.
"""
import argparse, http.client, json, os, pathlib, sqlite3, statistics, sys, threading, time, urllib.parse

from faulty import BODY, programs
from guarded import World

CAP = '[[cap]]\nscope = "all"\nlimit = "100000.00/day"\n'
THREADS = 16


class Load:
    """Calls at a steady rate; remembers of each when it was asked, when it was answered, and how."""

    def __init__(self, world, rate):
        self.address, self.rate, self.seen, self.stopped = urllib.parse.urlparse(world.url).netloc, rate, [], False
        self.body = json.dumps({**BODY, "messages": [{"role": "user", "content": "[[sim output=5]]"}]})
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        next_at = time.monotonic() + number / self.rate
        while not self.stopped:
            time.sleep(max(0, next_at - time.monotonic()))
            next_at += THREADS / self.rate
            asked = time.monotonic()
            connection.request("POST", "/v1/chat/completions", self.body, {"content-type": "application/json", "x-outlay-tenant": "acme"})
            answer = connection.getresponse()
            answer.read()
            self.seen.append((asked, time.monotonic(), answer.status))

    def stop(self):
        self.stopped = True
        for thread in self.threads:
            thread.join()

    def until(self, status, since, within=10):
        """Waits for the first answer after an instant that is so; returns when it came."""
        while time.monotonic() < since + within:
            answers = [answered for _, answered, found in self.seen[-400:] if answered >= since and found == status]
            if answers:
                return min(answers)
            time.sleep(0.005)
        sys.exit(f"no call was answered {status} within {within} s")


class Store:
    """Changes the cap as the screen does: one transaction, after a look at the revision."""

    def __init__(self, path):
        self.path = path

    def set(self, limit):
        with sqlite3.connect(self.path, isolation_level=None, timeout=10) as rows:
            rows.execute("BEGIN IMMEDIATE")
            rev = rows.execute("SELECT max(coalesce((SELECT max(rev) FROM cap_rev), 0), coalesce((SELECT max(rev) FROM plan_rev), 0))").fetchone()[0]
            rows.execute("INSERT INTO cap_rev (rev, at, by, old, cap, why) VALUES (?, ?, 'press', NULL, ?, '')",
                         (rev + 1, int(time.time() * 1000), f"tenant:acme {limit}/day"))
            rows.execute("COMMIT")
        rows.close()


def share(times, part):
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, len(ordered) * part // 100)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    programs(parser)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--most", type=float, default=100)
    arguments = parser.parse_args()
    world = World(arguments.outlay, arguments.simulator, "trust = true", CAP)
    store, load = Store(os.path.join(world.home.name, "outlay.db")), Load(world, arguments.rate)
    ways = {"outlay caps set": lambda limit: world.run("caps", "set", "tenant:acme", f"{limit}/day"), "the store": store.set}
    first, late = {way: [] for way in ways}, []
    load.until(200, time.monotonic())
    for number in range(arguments.times):
        way = list(ways)[number % 2]
        pressed = time.monotonic()
        ways[way]("0")
        committed = time.monotonic()
        # Where it is felt before the command has ended it took no time.
        first[way].append(max(0, load.until(402, pressed) - committed) * 1000)
        time.sleep(0.05)
        late += [asked - committed for asked, answered, status in load.seen[-400:] if asked > committed and status == 200]
        ways[way]("1000")
        load.until(200, time.monotonic())
    load.stop()
    world.quiet()
    assert sum(world.ledger().values()) == world.bill()["nanodollars"], "the ledger is not the bill"
    world.close()
    calls = len(load.seen)
    print(f"{calls} calls, {calls / (load.seen[-1][1] - load.seen[0][0]):.0f} a second; load average {os.getloadavg()[0]:.1f}")
    wrong = [f"{len(late)} calls that began after the commit were let through, the last {max(late) * 1000:.1f} ms after it"] if late else []
    for way, times in first.items():
        print(f"{way:<16} {len(times)} times: first refusal after p50 {statistics.median(times):.1f} ms, p99 {share(times, 99):.1f} ms, at most {max(times):.1f} ms")
        if share(times, 99) > arguments.most:
            wrong.append(f"{way}: p99 is {share(times, 99):.1f} ms")
    print(f"calls let through that began after the commit: {len(late)}")
    for fault in wrong:
        print("does not hold:", fault)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
