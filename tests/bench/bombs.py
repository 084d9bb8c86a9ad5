#!/usr/bin/env python3
"""Texts that are hard to count, from some kilobytes to the largest body, and what they cost callers.

    tests/bench/bombs.py [--outlay …] [--simulator …] [--most 50]

Each text is sent in turn while another caller makes small calls. Bodies up to 64 KiB are counted where calls are
served: their own time, less that of a small call, may be --most milliseconds. Larger ones are counted elsewhere: the
other caller's slowest call may be that much slower than without them. Nothing may break.
"""
import argparse, json, sys, threading, time

from faulty import ask, programs
from guarded import World

LETTERS = {"spaces": " ", "tabs": "\t", "lines": "\n", "one letter": "a", "emoji": "😀", "combining": "e\u0301", "base64": "QUJD", "joiners": "\u200d", "words": "word "}
SIZES = (60_000, 250_000, 4 << 20, 15 << 20)


def timed(url, text, tenant):
    began = time.monotonic()
    status, answer = ask(url, tenant, messages=[{"role": "user", "content": text}])
    # The provider may find it too long for its model: then the guard has read and held it, and given it back.
    assert status == 200 or "context_length_exceeded" in answer, (status, answer[:300])
    return (time.monotonic() - began) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    programs(parser)
    parser.add_argument("--most", type=float, default=50)
    arguments = parser.parse_args()
    world = World(arguments.outlay, arguments.simulator, "trust = true\n", '[[cap]]\nscope = "all"\nlimit = "1000000.00/day"\n')
    timed(world.url, "warm", "a")
    small = sorted(timed(world.url, "x", "a") for _ in range(100))
    middle, others, wrong = small[50], [], []
    stopped = threading.Event()

    def other():
        while not stopped.is_set():
            others.append(timed(world.url, "x", "b"))

    for size in SIZES:
        others.clear()
        stopped.clear()
        thread = threading.Thread(target=other)
        thread.start()
        # JSON writes some letters as several: the body is no longer than it may be.
        times = {name: timed(world.url, letter * (size // (len(json.dumps(letter)) - 2)), "a") for name, letter in LETTERS.items()}
        stopped.set()
        thread.join()
        slowest = max(times, key=times.get)
        print(f"{size:>9} bytes: the slowest {slowest}, {times[slowest]:.1f} ms; the other caller p50 {sorted(others)[len(others) // 2]:.1f} ms, at most {max(others):.1f} ms (without: {middle:.1f}, {small[-1]:.1f})", flush=True)
        if size <= 64 << 10 and times[slowest] - middle > arguments.most:
            wrong.append(f"{size} bytes of {slowest} took {times[slowest] - middle:.1f} ms more than a small call")
    world.quiet()
    assert sum(world.ledger().values()) == world.bill()["nanodollars"], "the ledger is not the bill"
    world.close()
    for fault in wrong:
        print("does not hold:", fault)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
