#!/usr/bin/env python3
"""A guard whose disk fails, and one whose store is taken away, locked or broken.

    tests/bench/disk.py [--outlay …] [--simulator …] [--to 40] [--lock 60]

First the n-th write, sync and open of the store fails, for n from 1 on until none is reached: once, with an input
error, a full disk or half a write, and with all that follow it until the disk is mended. While it fails calls are
made; a call that goes upstream must have a hold in the store, any other is a 503 within a second, and two seconds
after the disk is mended calls pass again. At the end the ledger is what was billed or more, nothing is held, and the
books balance. Then the store is locked (for --lock seconds), made read-only, deleted, its header zeroed, replaced by
another, and its folder taken away: each is answered within a second, nothing goes upstream, and both the guard's
metrics and `outlay caps list` say what is wrong.
"""
import argparse, os, pathlib, sqlite3, sys, tempfile, threading, time

from faulty import Awake, ask, library, money, programs
from guarded import World

CAP = '[[cap]]\nscope = "all"\nlimit = "1000.00/day"\n'


def world(arguments, env=None):
    return World(arguments.outlay, arguments.simulator, "trust = true", CAP, env=env)


class Counted:
    """What was answered, and how long it took."""

    def __init__(self):
        self.statuses, self.slowest, self.refused = {}, 0.0, 0.0

    def call(self, url, tenant):
        began = time.monotonic()
        status, text = ask(url, tenant)
        took = time.monotonic() - began
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == 503:
            self.refused = max(self.refused, took)
        return status, text


def failing(arguments, made, kind, error, number, count):
    """One fault; returns what does not hold, and whether it fired."""
    folder = tempfile.TemporaryDirectory()
    armed, fired = (pathlib.Path(folder.name, name) for name in ("armed", "fired"))
    env = {
        "LD_PRELOAD": str(made), "FAULTS_BELOW": tempfile.gettempdir(), "FAULTS_ARMED": str(armed), "FAULTS_FIRED": str(fired),
        "FAULTS_KIND": kind, "FAULTS_FROM": str(number), "FAULTS_COUNT": str(count), "FAULTS_ERROR": error,
    }
    there = world(arguments, env)
    faults, seen, store = [], Counted(), pathlib.Path(there.home.name, "outlay.db")
    seen.call(there.url, "before")
    armed.touch()
    if kind == "open":
        # A store that was away for a moment is opened anew.
        replace(store)
        seen.call(there.url, "away")
        back(store)
    # Two at once, so that groups of orders are hit too.
    for at in range(4):
        threads = [threading.Thread(target=seen.call, args=(there.url, f"t{at}-{side}")) for side in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    armed.unlink()
    mended = time.monotonic()
    while seen.call(there.url, "after")[0] != 200:
        if time.monotonic() - mended > 10:
            faults.append("it does not come back")
            break
        time.sleep(0.02)
    recovered = time.monotonic() - mended
    there.quiet()
    # What is closed is on its way to the store.
    until = time.monotonic() + 5
    while money(store)[2] and time.monotonic() < until:
        time.sleep(0.02)
    requests, billed = there.bill()["requests"], sum(there.billed().values())
    settled, uncertain, reserved, holds = money(store)
    odd = [status for status in seen.statuses if status not in (200, 503)]
    for wrong in (
        recovered > 2 and f"calls pass again after {recovered:.2f} s only",
        seen.refused > 1 and f"a 503 took {seen.refused:.2f} s",
        odd and f"odd answers: {seen.statuses}",
        holds < requests and f"{requests} requests went upstream with {holds} holds",
        settled + uncertain < billed and f"{billed} were billed, {settled} + {uncertain} are counted",
        reserved and f"{reserved} are still held",
    ):
        if wrong:
            faults.append(wrong)
    try:
        there.close()
    except AssertionError as error:
        faults.append(f"the end: {error}")
    return [f"{kind} {number} ({error}, {count} of them): {fault}" for fault in faults], fired.exists(), seen


def disk(arguments):
    folder, made = library()
    faults, rounds, refused = [], 0, 0
    for kind, error, count in [
        ("write", "EIO", 1), ("write", "ENOSPC", 1), ("write", "short", 2), ("sync", "EIO", 1), ("open", "EIO", 1),
        ("any", "EIO", 100_000), ("any", "ENOSPC", 100_000),
    ]:
        reached = 0
        for number in range(1, arguments.to + 1):
            found, fired, seen = failing(arguments, made, kind, error, number, count)
            faults += found
            if not fired:
                break
            reached, rounds, refused = number, rounds + 1, refused + seen.statuses.get(503, 0)
        print(f"{kind:<6} {error:<7} {'and all after it' if count > 2 else '':<17} the first {reached} were hit", flush=True)
        if not reached:
            faults.append(f"{kind} {error}: it never fired")
    folder.cleanup()
    print(f"{rounds} faults in the disk, {refused} calls refused with 503", flush=True)
    return faults


def header(store, value):
    with open(store, "r+b") as file:
        file.write(value)


def replace(store):
    for end in ("", "-wal", "-shm"):
        if os.path.exists(f"{store}{end}"):
            os.rename(f"{store}{end}", f"{store}.aside{end}")


def back(store):
    for end in ("", "-wal", "-shm"):
        if os.path.exists(f"{store}{end}"):
            os.remove(f"{store}{end}")
        if os.path.exists(f"{store}.aside{end}"):
            os.rename(f"{store}.aside{end}", f"{store}{end}")


def another(there, store):
    replace(store)
    there.run("caps", "set", "all", "1000000.00/day")


def broken(arguments, name, does, mends, word):
    """One fault of the store; returns what does not hold."""
    there = world(arguments)
    store = os.path.join(there.home.name, "outlay.db")
    faults, seen = [], Counted()
    assert seen.call(there.url, "before")[0] == 200
    there.quiet()
    requests = there.bill()["requests"]
    kept = does(there, store)
    until = time.monotonic() + (arguments.lock if name == "locked" else 1)
    awake, began = Awake(), time.monotonic()
    while time.monotonic() < until:
        asked = time.monotonic()
        status, text = seen.call(there.url, "during")
        if status != 503:
            faults.append(f"{status} after {time.monotonic() - asked:.2f} s, {asked - began:.1f} s into it: {text}")
        time.sleep(0.05)
    slept = awake.end()
    ready = there.ready()
    if there.bill()["requests"] != requests:
        faults.append("something went upstream")
    if seen.refused > 1:
        faults.append(f"a 503 took {seen.refused:.2f} s")
    if word not in ready:
        faults.append(f"/health/ready says {ready!r}")
    mends(store, kept)
    mended = time.monotonic()
    while seen.call(there.url, "after")[0] != 200 and time.monotonic() < mended + 10:
        time.sleep(0.02)
    recovered = time.monotonic() - mended
    if recovered > 2:
        faults.append(f"calls pass again after {recovered:.2f} s only")
    there.quiet()
    try:
        there.close()
    except AssertionError as error:
        faults.append(f"the end: {error}")
    print(f"{name:<12} {seen.statuses.get(503, 0):4} refused, the slowest in {seen.refused * 1e3:4.0f} ms; again after {recovered * 1e3:4.0f} ms; {ready.strip()}", flush=True)
    if slept > 0.5:
        print(f"{name}: this script itself stood still for {slept:.2f} s: times of this round say nothing", flush=True)
    return [f"{name}: {fault}" for fault in faults]


def lock(there, store):
    holder = sqlite3.connect(store, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    return holder


def away(there, store):
    folder = os.path.dirname(store)
    os.rename(folder, f"{folder}.aside")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    programs(parser)
    parser.add_argument("--to", type=int, default=40)
    parser.add_argument("--lock", type=float, default=60)
    parser.add_argument("--only", choices=("disk", "store"))
    arguments = parser.parse_args()
    faults = []
    if arguments.only != "store":
        faults += disk(arguments)
    if arguments.only != "disk":
        for name, does, mends, word in [
            ("locked", lock, lambda store, held: held.close(), "locked"),
            ("read-only", lambda there, store: os.chmod(store, 0o400), lambda store, _: os.chmod(store, 0o600), "read-only"),
            ("deleted", lambda there, store: replace(store), lambda store, _: back(store), "no store"),
            ("header", lambda there, store: header(store, bytes(16)), lambda store, _: header(store, b"SQLite format 3\0"), "damaged"),
            ("replaced", another, lambda store, _: back(store), "another store"),
            ("folder gone", away, lambda store, _: os.rename(f"{os.path.dirname(store)}.aside", os.path.dirname(store)), "no store"),
        ]:
            faults += broken(arguments, name, does, mends, word)
    for fault in faults:
        print("does not hold:", fault)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
