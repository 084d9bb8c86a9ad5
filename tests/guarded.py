"""A guard in front of the simulated provider, as operators start them: shared by the scripts that drive both."""

import atexit
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

CANARY = "sk-upstream-canary"


def start(command, pattern, env=None, pipe="stdout"):
    """Starts a program; returns it with what it says of its address. What it says later is read and dropped."""
    process = subprocess.Popen(command, env=env, text=True, **{pipe: subprocess.PIPE})
    # Whatever becomes of the script, nothing that it started outlives it.
    atexit.register(process.kill)
    says, said = getattr(process, pipe), []
    for line in says:
        said.append(line)
        found = re.search(pattern, line)
        if found:
            threading.Thread(target=says.read, daemon=True).start()
            return process, found.groups()
    raise SystemExit(f"{command[0]} did not start (it ended with {process.wait()}):\n{''.join(said)}")


class World:
    """The provider, and a guard before it with a store of its own. `url`, `admin` and `upstream` say where."""

    def __init__(self, outlay, simulator, guard="", rest="", tenants=(), env=None):
        self.home = tempfile.TemporaryDirectory()
        home = pathlib.Path(self.home.name)
        self.env = {"HOME": str(home), "PATH": os.environ["PATH"], "KEY": CANARY}
        self.provider, (self.upstream,) = start([simulator, "127.0.0.1:0"], r"(http://\S+)")
        text = f'[guard]\nlisten = "127.0.0.1:0"\nadmin = "127.0.0.1:0"\n{guard}\n{rest}\n'
        for name, path in (("openai", "/v1"), ("anthropic", "")):
            text += f'[[upstream]]\nname = "{name}"\ndialect = "{name}"\nbase_url = "{self.upstream}{path}"\nkey_env = "KEY"\n'
        config = home / "config.toml"
        config.write_text(text)
        self.outlay = [outlay, "--config", str(config), "--store", str(home / "outlay.db")]
        self.keys = {tenant: self.run("keys", "create", tenant).strip() for tenant in tenants}
        self.guard, (self.url, self.admin) = self.another(env)

    def another(self, env=None):
        """Starts a guard on the store; returns it with the addresses for calls and for health."""
        said = r"guard on (http://\S+), .* on (http://\S+)"
        return start([*self.outlay, "guard"], said, {**self.env, **(env or {})}, "stderr")

    def restart(self, env=None):
        """Starts the guard again that was killed; returns how long that took, seconds."""
        began = time.monotonic()
        self.guard, (self.url, self.admin) = self.another(env)
        return time.monotonic() - began

    def run(self, *arguments):
        """Runs a subcommand on the guard's store; returns what it prints."""
        done = subprocess.run([*self.outlay, *arguments], env=self.env, capture_output=True, text=True)
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout

    def get(self, url):
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.read().decode()

    def bill(self):
        """What the provider has billed, by its own prices."""
        return json.loads(self.get(f"{self.upstream}/_sim/bill"))

    def metric(self, start, having=""):
        """The sum of the figures whose lines begin so and have that."""
        lines = self.get(f"{self.admin}/metrics").splitlines()
        return sum(int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(start) and having in line)

    def ready(self):
        """What the guard says of its readiness."""
        try:
            return self.get(f"{self.admin}/health/ready")
        except urllib.error.HTTPError as error:
            return error.read().decode()

    def open_holds(self):
        return self.metric("outlay_holds_open")

    def quiet(self, within=30):
        """Waits until no money is held; returns how long that took, seconds."""
        began = time.monotonic()
        while self.open_holds():
            assert time.monotonic() - began < within, f"{self.open_holds()} holds are open after {within} s"
            time.sleep(0.02)
        return time.monotonic() - began

    def ledger(self):
        """What the ledger has, in nanodollars by model."""
        rows = json.loads(self.run("report", "--by", "model", "--format", "json"))["rows"]
        sums = {}
        for row in rows:
            sums[undated(row["model"])] = sums.get(undated(row["model"]), 0) + nanos(row["cost_usd"])
        return {model: sum for model, sum in sums.items() if sum}

    def billed(self):
        """What the provider has billed, in nanodollars by model."""
        sums = {}
        for line in self.bill()["lines"]:
            model = undated(line["model"])
            sums[model] = sums.get(model, 0) + line["nanodollars"]
        return {model: sum for model, sum in sums.items() if sum}

    def close(self):
        """Ends both, and balances the books."""
        self.guard.send_signal(signal.SIGTERM)
        assert self.guard.wait(timeout=60) == 0, "the guard does not end well"
        self.provider.terminate()
        self.provider.wait(timeout=60)
        assert "balance to the nanodollar" in self.run("doctor", "--books")
        self.home.cleanup()


def nanos(dollars):
    """Exact: the text has nine places."""
    whole, part = dollars.split(".")
    assert len(part) == 9, dollars
    return int(whole + part)


def undated(model):
    return re.sub(r"-(\d{8}|\d{4}-\d{2}-\d{2})$", "", model)
