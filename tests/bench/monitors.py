#!/usr/bin/env python3
"""What the screen costs beside other monitors, each in a pseudo-terminal of the same size in the same run.

    tests/bench/monitors.py [--binary target/release/outlay] [--seconds 60]

At 80x24 and 120x40: `outlay` with nothing new, `outlay` with 20 calls a second of thirty tenants, and `btop` and `btm`
as they come from their packages, where they are installed. For each the CPU in per cent of a core and the bytes a
minute written to the terminal, after ten seconds of peace. Ends with 1 where the screen takes more than a tenth of
`btop`'s CPU with nothing new, or more than a quarter of its bytes with 20 calls a second.
"""
import argparse, os, random, shutil, sys, tempfile, time

from pty_run import Run, clock

SIZES = [(24, 80), (40, 120)]
TENANTS, RATE = 30, 20


def row(number):
    """A native line of some tenant, now."""
    now = time.time()
    ts = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}Z"
    tenant, cents = f"tenant-{random.randrange(TENANTS):02}", random.randrange(1, 100)
    return (f'{{"v":1,"id":"bench-{number}","ts":"{ts}","tenant":"{tenant}","provider":"openai","model":"gpt-4o",'
            f'"input":1200,"output":340,"cost_usd":"0.{cents:02}"}}\n').encode()


class Measure:
    """One program in a terminal of its own."""

    def __init__(self, command, rows, columns, calls=None):
        self.home, self.calls, self.made = tempfile.mkdtemp(), calls, 0
        self.run = Run(command, self.home, rows, columns)

    def pass_time(self, seconds):
        """Reads what is written for so long, and makes calls meanwhile."""
        began = clock()
        while clock() < began + seconds:
            if self.calls and self.made < (clock() - began) * RATE + self.before:
                with open(self.calls, "ab") as file:
                    file.write(row(self.made))
                self.made += 1
            self.run.read(0.02)

    def figures(self, seconds):
        """Returns the per cent of a core and the bytes a minute."""
        self.before = 0
        self.pass_time(10)
        self.before = self.made
        while self.run.read(0) is not None:
            pass
        cpu, written = self.run.cpu()[1], self.run.bytes
        self.pass_time(seconds)
        used, came = self.run.cpu()[1] - cpu, self.run.bytes - written
        self.run.end()
        shutil.rmtree(self.home, ignore_errors=True)
        return 100 * used / seconds, came * 60 / seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/outlay")
    parser.add_argument("--seconds", type=int, default=60)
    arguments = parser.parse_args()
    folder, faults = tempfile.mkdtemp(), []
    print(f"{'':<18} {'size':>7} {'% of a core':>12} {'bytes a minute':>15}")
    for rows, columns in SIZES:
        found = {}
        for name in ["outlay, idle", "outlay, 20/s", "btop", "btm"]:
            calls = os.path.join(folder, f"{columns}-{len(found)}.jsonl")
            command = [name]
            if name.startswith("outlay"):
                with open(calls, "wb") as file:
                    file.writelines(row(-number) for number in range(1, 2 * TENANTS))
                command = [os.path.abspath(arguments.binary), "--tz", "UTC", "--ledger", calls]
            elif not shutil.which(name):
                continue
            measure = Measure(command, rows, columns, calls if name.endswith("20/s") else None)
            found[name] = measure.figures(arguments.seconds)
            print(f"{name:<18} {columns:>4}x{rows} {found[name][0]:12.2f} {found[name][1]:15.0f}", flush=True)
        if "btop" in found:
            cpu, written = found["btop"]
            if found["outlay, idle"][0] > cpu / 10:
                faults.append(f"{columns}x{rows}: idle, more than a tenth of btop's CPU")
            if found["outlay, 20/s"][1] > written / 4:
                faults.append(f"{columns}x{rows}: with 20 calls a second, more than a quarter of btop's bytes")
    shutil.rmtree(folder)
    for fault in faults:
        print("too much:", fault)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
