"""The disk and the clock of a guard under the hands of a script: compiles `faults.c` and says how it is loaded."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
BODY = {"model": "gpt-4o-mini", "max_tokens": 40}


def library():
    """Compiles the library into a folder of its own; returns the folder and the file."""
    if not shutil.which("cc"):
        sys.exit("there is no C compiler (cc): the faults cannot be made")
    folder = tempfile.TemporaryDirectory()
    made = pathlib.Path(folder.name, "faults.so")
    source = pathlib.Path(__file__).with_name("faults.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", made, source, "-lpthread"], check=True)
    return folder, made


def ask(url, tenant, script="output=20", timeout=20, **more):
    """Makes one call; returns its status, 0 where the connection broke, and the text of the answer."""
    body = {**BODY, "messages": [{"role": "user", "content": f"[[mark {tenant}]] [[sim {script}]]"}], **more}
    headers = {"content-type": "application/json", "x-outlay-tenant": tenant}
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def money(store):
    """What the store says of all calls: nanodollars settled, uncertain and reserved, and how many holds."""
    import sqlite3

    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as rows:
        sums = dict(rows.execute("SELECT state, sum(CASE WHEN state < 2 THEN money ELSE charged_money END) FROM hold GROUP BY state"))
        holds = rows.execute("SELECT count(*) FROM hold").fetchone()[0]
    return sums.get(2, 0), sums.get(3, 0), sums.get(0, 0) + sums.get(1, 0), holds


class Awake:
    """Watches whether this script itself was let run: a time that was measured meanwhile says nothing if it was not."""

    def __init__(self):
        self.longest, self.ended = 0.0, False
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        last = time.monotonic()
        while not self.ended:
            time.sleep(0.02)
            now = time.monotonic()
            self.longest, last = max(self.longest, now - last), now

    def end(self):
        """Returns the longest time for which it was not, seconds."""
        self.ended = True
        self.thread.join()
        return self.longest


def programs(parser):
    """Adds where the programs are."""
    parser.add_argument("--outlay", default=os.environ.get("OUTLAY", "target/debug/outlay"))
    parser.add_argument("--simulator", default="target/debug/examples/simulated_provider")
