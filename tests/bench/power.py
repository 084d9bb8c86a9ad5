#!/usr/bin/env python3
"""The power fails: what had not reached the disk by then is gone, or there in part, in any order.

    tests/bench/power.py [--outlay …] [--simulator …] [--rounds 1000] [--calls 400] [--runs 4] [--seed N]

A guard with a hard cap works under load while everything that it writes and syncs is written down (`faults.c`), and
what it sends upstream among it. Then the power fails at random moments of that record. Of what was not synced by
then nothing survives, all, some of the writes, or some of their sectors of 512 bytes. In each store that is left every
call that had gone upstream must have a hold that covers what it was billed, and the books must balance; in some of
them a guard is started, which must charge what was in flight, in two seconds. The same is tried with a disk that heeds
no sync, to see that it would be noticed.
"""
import argparse, os, pathlib, random, re, sqlite3, struct, subprocess, sys, tempfile, threading, time

from faulty import ask, library, programs
from guarded import World, start

CAP = '[[cap]]\nscope = "all"\nlimit = "1000.00/day"\n[[cap]]\nscope = "each-tenant"\nlimit = "10.00/day"\n'
SECTOR = 512


def recorded(arguments, made, number):
    """Lets a guard work; returns its record, the files as they were before, and what a call costs."""
    folder = tempfile.TemporaryDirectory()
    record = pathlib.Path(folder.name, "record")
    there = World(arguments.outlay, arguments.simulator, "trust = true", CAP)
    # The store as it was made is on the disk: what is told here begins after it.
    there.guard.kill()
    there.guard.wait()
    home = pathlib.Path(there.home.name)
    before = {str(path): path.read_bytes() for path in home.glob("outlay.db*") if not path.name.endswith("-shm")}
    store = str(home / "outlay.db")
    env = {"LD_PRELOAD": str(made), "FAULTS_BELOW": store, "FAULTS_RECORD": str(record)}
    there.restart(env)
    names = iter(range(arguments.calls))
    lock = threading.Lock()

    def caller():
        while True:
            with lock:
                name = next(names, None)
            if name is None:
                return
            status, text = ask(there.url, f"t{number}x{name}")
            assert status == 200, (status, text)

    threads = [threading.Thread(target=caller) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    there.quiet()
    bill = there.bill()
    costs = {line["nanodollars"] for line in bill["lines"]}
    there.close()
    return record.read_bytes(), before, store, max(costs)


def events(record):
    """Reads a record: (what, file, where, bytes)."""
    at = 0
    while at < len(record):
        what, file, where, size = struct.unpack_from("<cIQI", record, at)
        at += 17
        yield what, file, where, record[at : at + size]
        at += size


class File:
    """What is on the disk of a file, and what is on its way there."""

    def __init__(self, durable=b""):
        self.durable, self.pending, self.marked = bytearray(durable), [], 0

    def sync(self):
        for write in self.pending[: self.marked]:
            lay(self.durable, write)
        del self.pending[: self.marked]
        self.marked = 0


def lay(content, write):
    where, data = write
    if data is None:
        del content[where:]
        return
    if len(content) < where:
        content.extend(bytes(where - len(content)))
    content[where : where + len(data)] = data


def lost(file, rng):
    """What is left of a file after the power has failed."""
    content, manner = bytearray(file.durable), rng.randrange(4)
    for write in file.pending:
        where, data = write
        if manner == 0:
            break
        if data is None or manner == 1 or (manner == 2 and rng.random() < 0.5):
            lay(content, write)
        elif manner == 3:
            first = -where % SECTOR
            cuts = [0, *range(first, len(data), SECTOR), len(data)]
            for begin, end in zip(cuts, cuts[1:]):
                if rng.random() < 0.5:
                    lay(content, (where + begin, data[begin:end]))
    return content


def left(record, before, moment, rng, forgets=False):
    """Plays a record up to a moment; returns the files that are left, who had gone upstream, and how many writes were
    unsynced. A disk that forgets does not heed syncs at all."""
    files = {path: File(content) for path, content in before.items()}
    names, sent = {}, set()
    for number, (what, file, where, data) in enumerate(events(record)):
        if number == moment:
            break
        if what == b"O":
            names[file] = data.decode()
            there = files.setdefault(names[file], File())
            if where:
                there.pending.append((0, None))
        elif what == b"U":
            files.pop(data.decode(), None)
        elif what == b"N":
            sent.update(name.decode() for name in re.findall(rb"\[\[mark (\w+)\]\]", data))
        elif file in names and names[file] in files:
            there = files[names[file]]
            if what == b"W":
                there.pending.append((where, data))
            elif what == b"T":
                there.pending.append((where, None))
            elif what == b"s":
                there.marked = len(there.pending)
            elif what == b"S" and not forgets:
                there.sync()
    unsynced = sum(len(file.pending) for file in files.values())
    return {path: lost(file, rng) for path, file in files.items()}, sent, unsynced


def check(arguments, files, store, sent, cost, starts):
    """Returns what is wrong with the store that is left."""
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o700)
        for path, content in files.items():
            if path.startswith(store) and not path.endswith("-shm") and ".guard-" not in path:
                made = pathlib.Path(home, os.path.basename(path))
                made.write_bytes(content)
                made.chmod(0o600)
        copy = os.path.join(home, "outlay.db")
        try:
            rows = sqlite3.connect(copy)
            held = dict(rows.execute(
                "SELECT name.text, max(CASE WHEN state < 2 THEN money WHEN state = 4 THEN 0 ELSE charged_money END) "
                "FROM hold JOIN name ON name.id = hold.tenant GROUP BY 1"))
            rows.close()
        except sqlite3.DatabaseError as error:
            return f"it cannot be read: {error}", 0
        lacking = [name for name in sent if held.get(name, -1) < cost]
        if lacking:
            return f"{len(lacking)} of {len(sent)} calls went upstream and are not covered: {lacking[:3]}", len(held)
        env = {"HOME": home, "PATH": os.environ["PATH"], "KEY": "k"}
        if starts:
            config = pathlib.Path(home, "config.toml")
            config.write_text(f'[guard]\ntrust = true\nlisten = "127.0.0.1:0"\nadmin = "127.0.0.1:0"\n{CAP}'
                              '[[upstream]]\nname = "openai"\ndialect = "openai"\nbase_url = "http://127.0.0.1:9/v1"\nkey_env = "KEY"\n')
            began = time.monotonic()
            guard, _ = start([arguments.outlay, "--config", str(config), "--store", copy, "guard"], r"guard on (http://\S+)", env, "stderr")
            took = time.monotonic() - began
            guard.terminate()
            guard.wait()
            with sqlite3.connect(copy) as rows:
                open_holds = rows.execute("SELECT count(*) FROM hold WHERE state < 2").fetchone()[0]
            rows.close()
            if open_holds or took > 2:
                return f"{open_holds} holds are open after a start of {took:.2f} s", len(held)
        done = subprocess.run([arguments.outlay, "--store", copy, "doctor", "--books"], env=env, capture_output=True, text=True)
        if done.returncode or "balance to the nanodollar" not in done.stdout:
            return f"{done.stdout}{done.stderr}", len(held)
    return None, len(held)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    programs(parser)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    folder, made = library()
    faults, rounds, starts, upstream, unsynced, noticed = [], 0, 0, 0, 0, 0
    for number in range(arguments.runs):
        record, before, store, cost = recorded(arguments, made, number)
        count = sum(1 for _ in events(record))
        for _ in range(arguments.rounds // arguments.runs):
            moment = rng.randrange(1, count + 1)
            files, sent, waiting = left(record, before, moment, rng)
            begins = rng.random() < 0.05
            fault, _ = check(arguments, files, store, sent, cost, begins)
            rounds, starts, upstream, unsynced = rounds + 1, starts + begins, upstream + len(sent), unsynced + (waiting > 0)
            if fault:
                faults.append(f"run {number}, event {moment} of {count}: {fault}")
        # A disk that heeds no sync must be noticed, or nothing is proven by one that does.
        for _ in range(10):
            files, sent, _ = left(record, before, rng.randrange(count // 2, count + 1), rng, forgets=True)
            noticed += check(arguments, files, store, sent, cost, False)[0] is not None
        print(f"run {number + 1}: {count} events, {rounds} failures of the power so far, {len(faults)} wrong", flush=True)
    folder.cleanup()
    print(f"seed {arguments.seed}: {rounds} failures of the power ({unsynced} with unsynced writes), {upstream} calls that had gone upstream by then, {starts} guards started again; a disk that heeds no sync is noticed {noticed} of {10 * arguments.runs} times")
    for fault in faults[:20]:
        print("does not hold:", fault)
    sys.exit(bool(faults) or not unsynced or not upstream or not noticed)


if __name__ == "__main__":
    main()
