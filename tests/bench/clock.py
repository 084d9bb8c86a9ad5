#!/usr/bin/env python3
"""The wall clock of a guard is set: an hour, a day, a year, back and ahead, and it stands still.

    tests/bench/clock.py [--outlay …] [--simulator …]

The program's own clock is moved under it (`faults.c`), the provider's is not. A cap of one call an hour, a day and a
month is used up; whatever the clock says then, also to a guard that starts with it, not one call more is let through,
and where it is off the guard's note says so. With the right clock again the guard goes on.
"""
import argparse, pathlib, sqlite3, sys, tempfile, time

from faulty import ask, library, programs
from guarded import World

CAP = "".join(f'[[cap]]\nscope = "all"\nlimit = "1 calls/{window}"\n' for window in ("hour", "day", "month"))
HOUR, DAY = 3_600, 86_400


def note(world):
    with sqlite3.connect(f"file:{world.home.name}/outlay.db?mode=ro", uri=True) as rows:
        notes = rows.execute("SELECT note FROM guard WHERE ended IS NULL ORDER BY started DESC").fetchall()
    rows.close()
    return " ".join(str(found) for found, in notes)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    programs(parser)
    arguments = parser.parse_args()
    folder, made = library()
    faults, hands = [], pathlib.Path(folder.name, "hands")
    for again in (False, True):
        for jump in ("3600", "-3600", str(DAY), str(-DAY), str(366 * DAY), str(-366 * DAY), "frozen"):
            hands.write_text("0")
            env = {"LD_PRELOAD": str(made), "FAULTS_CLOCK": str(hands)}
            world = World(arguments.outlay, arguments.simulator, "trust = true", CAP, env=env)
            assert ask(world.url, "a")[0] == 200
            world.quiet()
            hands.write_text(f"frozen {int(time.time())}" if jump == "frozen" else jump)
            if again:
                world.guard.kill()
                world.guard.wait()
                world.restart(env)
            more, told, until = 0, False, time.monotonic() + 1.5
            while time.monotonic() < until:
                more += ask(world.url, "a")[0] == 200
                told = told or "the clock is" in note(world)
                time.sleep(0.05)
            name = f"{jump}{', and a start' if again else ''}"
            if more:
                faults.append(f"{name}: {more} calls more")
            if told == (jump == "frozen"):
                faults.append(f"{name}: the note says {note(world)!r}")
            hands.write_text("0")
            if world.bill()["requests"] != 1:
                faults.append(f"{name}: {world.bill()['requests']} requests upstream")
            world.close()
            print(f"{name:<24} {more} calls more; {'told' if told else 'not told'}", flush=True)
    folder.cleanup()
    for fault in faults:
        print("does not hold:", fault)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
