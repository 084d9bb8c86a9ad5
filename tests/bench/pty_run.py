"""A program measured from outside: its CPU, time and memory, and what it shows in a pseudo-terminal of 80x24."""
import codecs, fcntl, os, pty, re, select, struct, subprocess, sys, termios, time

ROWS, COLUMNS = 24, 80
FRAME_ENDS = b"\x1b[?2026l"
TOKEN = re.compile(r"\x1b\[([?>=]?)([0-9;:]*)([@-~])|([^\x1b\x00-\x1f]+)|\r|\n|\x1b", re.S)
clock = time.monotonic


def measured(command, env=None):
    """Returns (cpu seconds, wall seconds, peak MiB, output) of one run."""
    started = clock()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=env)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} ended with {status}")
    return usage.ru_utime + usage.ru_stime, clock() - started, usage.ru_maxrss / 1024, output


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
            elif final == "G" and not mark:
                self.column = int(numbers or 1) - 1
            elif final == "H" and not mark:
                row, _, column = numbers.partition(";")
                self.row, self.column = int(row or 1) - 1, int(column or 1) - 1
            elif final == "J" and numbers == "2":
                self.cells = [[" "] * COLUMNS for _ in range(ROWS)]
            elif not (final == "m" or mark == "?" and final in "hl"):
                self.strange.add(mark + numbers + final)

    def line(self, row):
        return "".join(self.cells[row])

    def text(self):
        return "\n".join(self.line(row) for row in range(ROWS))


class Run:
    """A program in a pseudo-terminal."""

    def __init__(self, command, home, rows=ROWS, columns=COLUMNS):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        env = {"PATH": os.environ.get("PATH", ""), "TERM": "xterm-256color", "LANG": "C.UTF-8", "HOME": home}
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
            sys.exit(f"{self.process.args[0]} ended with {self.process.wait()}")
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
        """Returns the resident memory now and at its peak, in MiB."""
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
