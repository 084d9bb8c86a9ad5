#!/usr/bin/env python3
"""Runs the live screen in a pseudo-terminal (80x24, xterm-256color) and measures it.

    tests/bench/screen.py [--binary target/release/outlay] [--only start,idle,append,keys,flood,memory]

A thousand native ledgers with a line each, of twelve tenants, are written to a temporary folder and followed.

start   from exec to the end of the first frame, and until every call is counted on the screen: 5 fresh starts
idle    CPU by /proc/PID/stat over 30 s, bytes written to the terminal over 60 s (a turn of the minute included)
append  200 lines, one at a time, 80-250 ms apart: from write(2) to the next bytes on the terminal,
        and to the terminal showing the tenant's new number of calls
keys    `?` opens and closes the help, in quiet: from the key to the change on the screen
flood   20,000 lines/s for 5 s: the same keys during it, then whether the numbers of calls on the screen and
        those of `outlay report` are exact, and how long after the last write the screen was
memory  VmRSS and VmHWM after each of the above

What is on the screen is read by a small terminal emulator; a time is taken when the bytes are read, before
they are interpreted. The load comes from this machine too: on few cores, the figures of `flood` include it.
Ends with 1 if a figure on the screen or of the report was wrong.
"""
import argparse, json, os, random, re, resource, shutil, statistics, struct, subprocess, sys, tempfile, time

from pty_run import ROWS, Run, clock

FILES, TENANTS = 1000, 12
APPENDS, RATE, SECONDS = 200, 20_000, 5
PARTS = ["start", "idle", "append", "keys", "flood", "memory"]


class Screen(Run):
    """`outlay` in a pseudo-terminal, over the ledgers of a folder."""

    def __init__(self, binary, folder):
        ledgers = os.path.join(folder, "ledgers", "*.jsonl")
        super().__init__([os.path.abspath(binary), "--tz", "UTC", "--ledger", ledgers], os.path.join(folder, "home"))

    def help(self):
        return any("key closes" in self.terminal.line(row) for row in range(4, 12))

    def calls(self, tenant=None):
        """Returns the calls of a tenant, or of every tenant by name, as the table shows them."""
        line, found = self.terminal.line, {}
        heading = next((line(row) for row in range(4, 8) if "CALLS" in line(row)), None)
        if heading is None:
            return None if tenant else found
        end = heading.index("CALLS") + 5
        for row in range(5, ROWS - 2):
            text = line(row)
            name = text[1:4]
            if re.fullmatch(r"t\d\d", name) and (tenant is None or name == tenant):
                found[name] = text[:end].rsplit(None, 1)[-1].replace(",", "")
        return found.get(tenant) if tenant else found


class Bench:
    def __init__(self, binary, folder):
        self.binary, self.folder, self.next, self.cents, self.wrong = binary, folder, 0, 0, []
        self.counts = {f"t{i:02}": 0 for i in range(TENANTS)}
        os.makedirs(os.path.join(folder, "ledgers"))
        os.makedirs(os.path.join(folder, "home"))
        for number in range(FILES):
            with open(self.path(number), "wb") as file:
                file.write(self.row(100))

    def path(self, number):
        return os.path.join(self.folder, "ledgers", f"{number:04}.jsonl")

    def row(self, cents, tenant=None):
        """Returns a new line, and counts it."""
        number, self.next, self.cents = self.next, self.next + 1, self.cents + cents
        tenant = tenant or f"t{number % TENANTS:02}"
        self.counts[tenant] += 1
        now = time.time()
        ts = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}Z"
        return (f'{{"v":1,"id":"bench-{number}","ts":"{ts}","tenant":"{tenant}","provider":"openai","model":"gpt-4o",'
                f'"input":1200,"output":340,"cost_usd":"{cents // 100}.{cents % 100:02}"}}\n').encode()

    def shown(self, screen):
        """Whether the screen shows the right number of calls of every tenant."""
        return screen.calls() == {t: str(n) for t, n in self.counts.items()}

    def check(self, screen, when):
        if not self.shown(screen):
            self.wrong.append(f"the screen {when}: {screen.calls()} for {self.counts}")

    def start(self, rounds):
        """Starts the screen that often and returns the last one."""
        first, full = [], []
        for left in reversed(range(rounds)):
            screen = Screen(self.binary, self.folder)
            _, came = screen.until(lambda: screen.frames > 0, 10)
            first.append((came - screen.started) * 1000)
            _, came = screen.until(lambda: self.shown(screen), 30)
            full.append((came - screen.started) * 1000 if came else float("nan"))
            if came is None:
                self.check(screen, "30 s after the start")
            if left and (status := screen.end()):
                self.wrong.append(f"q ended the screen with {status}")
        if rounds > 1:
            say("start", "to the first frame", f"median {statistics.median(first):.1f} ms, max {max(first):.1f} ms")
            say("start", f"to every call of {FILES} files", f"median {statistics.median(full):.1f} ms, max {max(full):.1f} ms")
        return screen

    def idle(self, screen):
        screen.quiet(5)
        before, bytes_before, frames_before, began = screen.cpu(), screen.bytes, screen.frames, clock()
        screen.quiet(30)
        after, took = screen.cpu(), clock() - began
        screen.quiet(60 - (clock() - began))
        coarse, fine = ((b - a) / took * 100 for a, b in zip(before, after))
        say("idle", f"CPU, {FILES} files, 30 s", f"{coarse:.2f} % of a core by stat, {fine:.3f} % by schedstat")
        say("idle", "terminal", f"{screen.bytes - bytes_before} bytes/min in {screen.frames - frames_before} frames")

    def append(self, screen):
        any_bytes, exact, missed, dice = [], [], 0, random.Random(7)
        for number in range(APPENDS):
            tenant = dice.choice(sorted(self.counts))
            line, want = self.row(100 + number, tenant), str(self.counts[tenant])
            file = os.open(self.path(dice.randrange(FILES)), os.O_WRONLY | os.O_APPEND)
            while screen.read(0) is not None:
                pass
            wrote = clock()
            os.write(file, line)
            first, came = screen.until(lambda: screen.calls(tenant) == want, 3)
            os.close(file)
            if came is None:
                missed += 1
            else:
                any_bytes.append((first - wrote) * 1000)
                exact.append((came - wrote) * 1000)
            screen.quiet(wrote + dice.uniform(0.08, 0.25) - clock())
        say("append", "to the next bytes", spread(any_bytes))
        say("append", "to the new figure shown", spread(exact) + (f", {missed} NOT SHOWN in 3 s" if missed else ""))
        if missed:
            self.wrong.append(f"{missed} of {APPENDS} appended lines not shown within 3 s")
        screen.quiet(1)
        self.check(screen, "after the appends")

    def press(self, screen, until, dice):
        """Opens and closes the help until a time; returns the milliseconds of each key."""
        times = []
        while clock() < until:
            for opens in (True, False):
                taken = screen.key(b"?", lambda: screen.help() is opens)
                times.append(float("inf") if taken is None else taken)
                screen.quiet(dice.uniform(0.01, 0.06))
        return times

    def keys(self, screen):
        say("keys", "`?` in quiet", spread(self.press(screen, clock() + 5, random.Random(5))))

    def flood(self, screen):
        chunk, total = RATE // 100, RATE * SECONDS
        chunks = [b"".join(self.row(1) for _ in range(chunk)) for _ in range(total // chunk)]
        files = [os.open(self.path(number * 50), os.O_WRONLY | os.O_APPEND) for number in range(20)]
        reader, writer = os.pipe()
        cpu, began = screen.cpu()[0], clock()
        child = os.fork()
        if child == 0:
            try:
                late = 0.0
                for number, data in enumerate(chunks):
                    due = began + number / 100
                    if (rest := due - clock()) > 0:
                        time.sleep(rest)
                    late = max(late, clock() - due)
                    os.write(files[number % 20], data)
                os.write(writer, struct.pack("dd", clock(), late))
            finally:
                os._exit(0)
        os.close(writer)
        times = self.press(screen, began + SECONDS, random.Random(3))
        # The read of the writer's end blocks only if the writer is late.
        ended, late = struct.unpack("dd", os.read(reader, 16))
        os.waitpid(child, 0)
        for fd in (*files, reader):
            os.close(fd)
        _, came = screen.until(lambda: self.shown(screen), 30)
        used = screen.cpu()[0] - cpu
        say("flood", "written", f"{total} lines in {ended - began:.2f} s, at most {late * 1000:.0f} ms late")
        say("flood", "`?` during it", spread(times))
        say("flood", "CPU", f"{used:.2f} s, {used / total * 1e6:.1f} µs a line")
        behind = "NEVER within 30 s" if came is None else f"at most {max(0, came - ended) * 1000:.0f} ms after the last write"
        say("flood", "screen exact", behind)
        screen.quiet(2)
        self.check(screen, "after the flood")
        say("flood", "calls on the screen, in quiet", f"{'exact' if self.shown(screen) else 'WRONG'} ({sum(self.counts.values())})")

    def report(self):
        command = [self.binary, "report", "--tz", "UTC", "--ledger", os.path.join(self.folder, "ledgers", "*.jsonl"),
                   "--by", "tenant", "--format", "json"]
        got = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        calls = {row["tenant"]: row["calls"] for row in got["rows"]}
        cents, bad = got["total"]["cost_usd"], got["bad_lines"] + got["duplicates"]
        want = f"{self.cents // 100}.{self.cents % 100:02}0000000"
        exact = calls == self.counts and cents == want and not bad
        say("report", "calls and dollars", f"{'exact' if exact else 'WRONG'} ({got['total']['calls']}, ${cents})")
        if not exact:
            self.wrong.append(f"report: {calls} for {self.counts}, {cents} for {want}, {bad} bad or duplicate")


def say(part, what, figure):
    print(f"{part:7} {what:32} {figure}", flush=True)


def spread(times):
    if not times:
        return "nothing measured"
    times = sorted(times)
    at = lambda share: times[min(len(times) - 1, int(len(times) * share))]
    return f"p50 {at(.5):.1f}  p99 {at(.99):.1f}  max {times[-1]:.1f} ms  ({len(times)})"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", default="target/release/outlay")
    p.add_argument("--only", default=",".join(PARTS), help="comma-separated: " + ", ".join(PARTS))
    a = p.parse_args()
    parts = a.only.split(",")
    if unknown := set(parts) - set(PARTS):
        p.error(f"no such part: {', '.join(sorted(unknown))}")
    folder, screen = tempfile.mkdtemp(prefix="outlay-screen-"), None
    try:
        bench = Bench(a.binary, folder)
        screen = bench.start(5 if "start" in parts else 1)
        remember = lambda when: "memory" in parts and say(
            "memory", "after " + when, "VmRSS {:.1f} MiB, VmHWM {:.1f} MiB".format(*screen.memory()))
        remember("the start")
        for part, run in (("idle", bench.idle), ("append", bench.append), ("keys", bench.keys), ("flood", bench.flood)):
            if part in parts:
                run(screen)
                remember(part)
        bench.report()
        if screen.terminal.strange:
            say("screen", "sequences not understood", " ".join(sorted(screen.terminal.strange)))
        status = screen.end()
        if status:
            bench.wrong.append(f"q ended the screen with {status}")
    finally:
        if screen and screen.process.poll() is None:
            screen.process.kill()
            screen.process.wait()
        shutil.rmtree(folder, ignore_errors=True)
    own = resource.getrusage(resource.RUSAGE_SELF)
    say("bench", "its own CPU", f"{own.ru_utime + own.ru_stime:.1f} s")
    for wrong in bench.wrong:
        print("WRONG:", wrong)
    sys.exit(bool(bench.wrong))


main()
