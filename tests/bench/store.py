#!/usr/bin/env python3
"""Imports a large native ledger into a store, and measures how fast the screen opens on it, beside a small one.

    tests/bench/store.py FOLDER [--calls 10000000] [--small 10000] [--binary target/release/outlay] [--rounds 5]

FOLDER keeps the ledgers (500 tenants, 40 models, 30 days that end when they are written) for the next run; the
stores are made anew. Prints of the import: calls a second, CPU, peak memory and the size of the store. Then, turn
about on both stores, in a terminal of 80x24 and without feeds: from exec to the first frame that shows the month's
total and tenants, and the CPU and resident memory after it. Neither may grow with the number of calls: at most
150 ms and 80 MiB, or the script ends with 1. Last, with some caps set, how long `outlay status` takes as a whole
process: at most 20 ms in the middle. The load of this machine is in every figure.
"""
import argparse, os, re, shutil, statistics, subprocess, sys, tempfile, time

import native
from pty_run import Run, measured

LIMIT_MS, LIMIT_MIB, STATUS_MS = 150, 80, 20
CAPS = ["all 1000000/month", "each-tenant 100000/day", *(f"tenant:tenant-{n:03} 50000/month" for n in range(8))]


def imported(binary, ledger, store, env):
    """Imports a ledger into a new store and says how that went; returns the number of calls."""
    for end in ("", "-wal", "-shm"):
        if os.path.exists(store + end):
            os.remove(store + end)
    cpu, wall, peak, output = measured([binary, "import", f"{ledger}=native", "--store", store], env)
    calls = int(output.split()[0].replace(b",", b""))
    size = os.path.getsize(store)
    print(f"import  {calls:>10} calls  {calls / wall:9.0f} calls/s  {wall:7.2f} s  {cpu:7.2f} CPU s  "
          f"{peak:6.1f} MiB peak  {size / 1e6:7.1f} MB, {size / calls:5.1f} bytes a call", flush=True)
    return calls


def complete(terminal):
    """Whether the frame shows a total and tenants."""
    text = terminal.text()
    return re.search(r"\$[\d,]*\d", text) and len(re.findall(r"\btenant-\d{3}\b", text)) >= 5


def opened(binary, store, folder):
    """Opens the screen on a store; returns (ms to the first complete frame, CPU seconds, MiB)."""
    run = Run([binary, "--tz", "UTC", "--store", store], folder)
    _, came = run.until(lambda: run.frames and complete(run.terminal), 30)
    if came is None:
        run.process.kill()
        sys.exit(f"no complete frame in 30 s; the screen shows\n{run.terminal.text()}")
    run.quiet(1)
    figures = (came - run.started) * 1000, run.cpu()[0], run.memory()[0]
    if status := run.end():
        sys.exit(f"q ended the screen with {status}")
    return figures


def told(binary, store, env, times=40):
    """Sets caps, and returns the ms that `outlay status` takes each time, and its line."""
    for cap in CAPS:
        subprocess.run([binary, "--store", store, "caps", "set", *cap.split(), "--note", "measured"], env=env, check=True, stdout=subprocess.DEVNULL)
    took, line = [], ""
    for _ in range(times):
        began = time.perf_counter()
        line = subprocess.run([binary, "--tz", "UTC", "--store", store, "status"], env=env, check=True, capture_output=True, text=True).stdout
        took.append((time.perf_counter() - began) * 1000)
    return took, line.strip()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder")
    p.add_argument("--calls", type=int, default=10_000_000)
    p.add_argument("--small", type=int, default=10_000)
    p.add_argument("--binary", default="target/release/outlay")
    p.add_argument("--rounds", type=int, default=5)
    a = p.parse_args()
    binary, home = os.path.abspath(a.binary), tempfile.mkdtemp(prefix="outlay-store-")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "OUTLAY_"))} | {"HOME": home}
    os.makedirs(a.folder, mode=0o755, exist_ok=True)
    stores = {}
    try:
        for calls in (a.small, a.calls):
            ledger, store = (os.path.join(os.path.abspath(a.folder), f"calls-{calls}.{end}") for end in ("jsonl", "db"))
            if not os.path.exists(ledger):
                native.write(ledger, calls, int(time.time()) - 30 * 86400)
            stores[imported(binary, ledger, store, env)] = store
        runs = {calls: [] for calls in stores}
        for _ in range(a.rounds):
            for calls, store in stores.items():
                runs[calls].append(opened(binary, store, home))
        lines = {calls: told(binary, store, env) for calls, store in stores.items()}
    finally:
        shutil.rmtree(home, ignore_errors=True)
    wrong = []
    for calls, figures in runs.items():
        first, cpu, memory = (statistics.median(run[i] for run in figures) for i in range(3))
        slowest = max(run[0] for run in figures)
        print(f"screen  {calls:>10} calls  first frame {first:6.1f} ms (slowest {slowest:.1f})  {cpu:.2f} CPU s  {memory:5.1f} MiB")
        if first > LIMIT_MS:
            wrong.append(f"first frame after {first:.1f} ms, more than {LIMIT_MS}")
        if memory > LIMIT_MIB:
            wrong.append(f"{memory:.1f} MiB, more than {LIMIT_MIB}")
    for calls, (took, line) in lines.items():
        middle = statistics.median(took)
        print(f"status  {calls:>10} calls  {middle:6.1f} ms (slowest {max(took):.1f})  {line}")
        if middle > STATUS_MS:
            wrong.append(f"the status line after {middle:.1f} ms, more than {STATUS_MS}")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, median of {a.rounds}")
    for what in wrong:
        print("WRONG", what)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
