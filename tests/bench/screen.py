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
import argparse, codecs, fcntl, json, os, pty, random, re, resource, select, shutil, statistics, struct, subprocess
import sys, tempfile, termios, time

FILES, TENANTS, ROWS, COLUMNS = 1000, 12, 24, 80
APPENDS, RATE, SECONDS = 200, 20_000, 5
PARTS = ["start", "idle", "append", "keys", "flood", "memory"]
FRAME_ENDS = b"\x1b[?2026l"
TOKEN = re.compile(r"\x1b\[([?>=]?)([0-9;:]*)([@-~])|([^\x1b\x00-\x1f]+)|\r|\n|\x1b", re.S)
clock = time.monotonic


class Terminal:
    """A grid of characters that knows the few sequences the screen writes."""

    def __init__(self):
        self.cells = [[" "] * COLUMNS for _ in range(ROWS)]
        self.row = self.column = 0
        self.decoder, self.rest, self.strange = codecs.getincrementaldecoder("utf-8")("replace"), "", set()

    def feed(self, data):
        text = self.rest + self.decoder.decode(data)
        # A sequence cut in two by the read waits for its other half.
        cut = text.rfind("\x1b")
        whole = cut < 0 or re.match(r"\x1b\[[?>=]?[0-9;:]*[@-~]", text[cut:])
        text, self.rest = (text, "") if whole else (text[:cut], text[cut:])
        for mark, numbers, final, plain in TOKEN.findall(text):
            if plain:
                for letter in plain:
                    if self.column < COLUMNS and self.row < ROWS:
                        self.cells[self.row][self.column] = letter
                    self.column += 1
            elif final == "H" and not mark:
                row, _, column = numbers.partition(";")
                self.row, self.column = int(row or 1) - 1, int(column or 1) - 1
            elif final == "J" and numbers == "2":
                self.cells = [[" "] * COLUMNS for _ in range(ROWS)]
            elif not (final == "m" or mark == "?" and final in "hl"):
                self.strange.add(mark + numbers + final)

    def line(self, row):
        return "".join(self.cells[row])

    def help(self):
        return any("key closes" in self.line(row) for row in range(4, 12))

    def calls(self, tenant=None):
        """Returns the calls of a tenant, or of every tenant by name, as the table shows them."""
        found = {}
        heading = next((self.line(row) for row in range(4, 8) if "CALLS" in self.line(row)), None)
        if heading is None:
            return None if tenant else found
        end = heading.index("CALLS") + 5
        for row in range(5, ROWS - 2):
            text = self.line(row)
            name = text[1:4]
            if re.fullmatch(r"t\d\d", name) and (tenant is None or name == tenant):
                found[name] = text[:end].rsplit(None, 1)[-1].replace(",", "")
        return found.get(tenant) if tenant else found


class Screen:
    """`outlay` in a pseudo-terminal."""

    def __init__(self, binary, folder):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        home = os.path.join(folder, "home")
        env = {"PATH": os.environ.get("PATH", ""), "TERM": "xterm-256color", "LANG": "C.UTF-8", "HOME": home}
        command = [os.path.abspath(binary), "--tz", "UTC", "--ledger", os.path.join(folder, "ledgers", "*.jsonl")]
        self.started = clock()
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env, close_fds=True,
                                        start_new_session=True)
        os.close(slave)
        self.fd, self.pid, self.terminal = master, self.process.pid, Terminal()
        self.bytes, self.frames = 0, 0

    def read(self, timeout):
        """Waits for bytes and interprets them; returns when they came, or None."""
        if not select.select([self.fd], [], [], max(0, timeout))[0]:
            return None
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        came = clock()
        if not data:
            sys.exit(f"outlay ended with {self.process.wait()}")
        self.bytes += len(data)
        self.frames += data.count(FRAME_ENDS)
        self.terminal.feed(data)
        return came

    def quiet(self, seconds):
        """Reads for that long."""
        until = clock() + seconds
        while clock() < until:
            self.read(until - clock())

    def until(self, true, limit):
        """Reads until something is true of the terminal; returns when the first bytes and those came."""
        first, ends = None, clock() + limit
        if true():
            return clock(), clock()
        while clock() < ends:
            came = self.read(ends - clock())
            if came is not None:
                first = first or came
                if true():
                    return first, came
        return first, None

    def key(self, key, true):
        """Presses a key; returns the milliseconds until something is true."""
        while self.read(0) is not None:
            pass
        pressed = clock()
        os.write(self.fd, key)
        _, came = self.until(true, 10)
        return None if came is None else (came - pressed) * 1000

    def cpu(self):
        """Returns the CPU seconds used, in clock ticks and, of living threads, in nanoseconds."""
        fields = open(f"/proc/{self.pid}/stat").read().rsplit(")", 1)[1].split()
        ticks, fine = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), 0
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            fine += int(open(f"/proc/{self.pid}/task/{thread}/schedstat").read().split()[0])
        return ticks, fine / 1e9

    def memory(self):
        status = dict(line.split(":", 1) for line in open(f"/proc/{self.pid}/status") if ":" in line)
        return tuple(int(status[k].split()[0]) / 1024 for k in ("VmRSS", "VmHWM"))

    def end(self):
        """Presses q; returns the exit status."""
        os.write(self.fd, b"q")
        until = clock() + 5
        while self.process.poll() is None and clock() < until:
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    os.read(self.fd, 65536)
                except OSError:
                    time.sleep(0.01)
        if self.process.poll() is None:
            self.process.kill()
        os.close(self.fd)
        return self.process.wait()


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
        return screen.terminal.calls() == {t: str(n) for t, n in self.counts.items()}

    def check(self, screen, when):
        if not self.shown(screen):
            self.wrong.append(f"the screen {when}: {screen.terminal.calls()} for {self.counts}")

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
            first, came = screen.until(lambda: screen.terminal.calls(tenant) == want, 3)
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
                taken = screen.key(b"?", lambda: screen.terminal.help() is opens)
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
