#!/usr/bin/env python3
"""What the guard adds to a call, beside nginx's `proxy_pass` in the same run, in front of the simulated provider.

    CARGO_PROFILE_CI_LTO=thin CARGO_PROFILE_CI_CODEGEN_UNITS=4 cargo build --profile ci --bin outlay --examples
    tests/bench/guard.py [--programs target/ci] [--rounds 3] [--rate 1000] [--seconds 5] [--only NAME]…

Five ways to the provider: direct; nginx; the guard that only meters; with keys and soft caps; with hard caps. Round by
round each is measured in turn, and the middle of the rounds is told: latency at a fixed rate, CPU of the proxy for
each call, the most calls a second, the first byte of a stream, resident memory under load and with 1,000 open streams.
Figures hold only beside nginx's: this machine's other work is in all of them. The script ends with 1 where the guard
is further from nginx than it may be. LiteLLM's proxy is measured too where `litellm` is installed.
"""
import argparse, json, os, pathlib, shutil, signal, statistics, subprocess, sys, tempfile, time, urllib.parse, urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from guarded import World, start

BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say a few words about rivers. [[sim output=30]]"}], "max_tokens": 60}
STREAM = {**BODY, "stream": True, "messages": [{"role": "user", "content": "[[sim output=60 chunk=3]]"}]}
OPEN = {**BODY, "stream": True, "messages": [{"role": "user", "content": "[[sim output=60 chunk=1 slow=150ms]]"}]}
PATH = "/v1/chat/completions"
TICK = os.sysconf("SC_CLK_TCK")
KEYS_SOFT = '[[cap]]\nscope = "each-tenant"\nlimit = "1000000.00/day"\nmode = "soft"\n[[cap]]\nscope = "all"\nlimit = "1000000.00/month"\nmode = "soft"\n'
NGINX = """
daemon off; pid {home}/nginx.pid; error_log {home}/error.log warn; worker_processes 2; worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off; tcp_nodelay on; keepalive_requests 1000000; client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  upstream provider {{ server {provider}; keepalive 256; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }}
  }}
}}
"""


def free_port():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Way:
    """One way to the provider: where it is, whose CPU and memory count, what a caller shows."""

    def __init__(self, name, url, pid=None, headers=(), end=lambda: None):
        self.name, self.address = name, urllib.parse.urlparse(url).netloc
        self.pid, self.headers, self.end, self.figures = pid, list(headers), end, {}

    def pids(self):
        if self.pid is None:
            return []
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as children:
            return [self.pid, *map(int, children.read().split())]

    def cpu(self):
        """Seconds of CPU so far."""
        ticks = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/stat") as stat:
                fields = stat.read().rsplit(") ", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICK

    def resident(self):
        """MiB of memory that is its own."""
        pages = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/statm") as statm:
                resident, shared = map(int, statm.read().split()[1:3])
            pages += resident - (shared if pages else 0)
        return pages * os.sysconf("SC_PAGESIZE") / 2**20

    def note(self, name, figure):
        self.figures.setdefault(name, []).append(figure)

    def middle(self, name):
        return statistics.median(self.figures.get(name, [0]))


def nginx(provider):
    home = tempfile.mkdtemp()
    port = free_port()
    config = pathlib.Path(home, "nginx.conf")
    config.write_text(NGINX.format(home=home, provider=provider, port=port))
    process = subprocess.Popen(["nginx", "-c", config, "-p", home], stderr=subprocess.DEVNULL)

    def end():
        process.terminate()
        process.wait()
        shutil.rmtree(home)

    return Way("nginx", f"http://127.0.0.1:{port}", process.pid, end=end)


def litellm(provider):
    home = tempfile.mkdtemp()
    port = free_port()
    config = pathlib.Path(home, "config.yaml")
    config.write_text(f"model_list:\n- model_name: gpt-4o-mini\n  litellm_params: {{model: openai/gpt-4o-mini, api_base: 'http://{provider}/v1', api_key: k}}\n")
    # Without a key of its own it starts only where it is told that this is meant.
    env = {**os.environ, "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"}
    command = ["litellm", "--config", config, "--port", str(port)]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end():
        process.terminate()
        process.wait()
        shutil.rmtree(home)

    for _ in range(240):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=1).close()
            break
        except OSError:
            time.sleep(0.5)
    return Way("LiteLLM", f"http://127.0.0.1:{port}", process.pid, end=end)


def guard(programs, name, settings, caps, tenants=()):
    world = World(programs / "outlay", programs / "examples/simulated_provider", settings, caps, tenants)
    shown = f"authorization:Bearer {world.keys[tenants[0]]}" if tenants else "x-outlay-tenant:acme"

    def end():
        world.quiet()
        assert sum(world.ledger().values()) == world.bill()["nanodollars"], f"{name}: the ledger is not the bill"
        world.close()

    return Way(name, world.url, world.guard.pid, [shown], end)


class Bench:
    def __init__(self, arguments):
        self.arguments, self.programs = arguments, pathlib.Path(arguments.programs)

    def command(self, way, connections, rate, seconds, body):
        words = [way.address, PATH, connections, rate, seconds, json.dumps(body), "authorization:Bearer k", *way.headers]
        if any(word.startswith("authorization") for word in way.headers):
            words.remove("authorization:Bearer k")
        return [self.programs / "examples/load", *map(str, words)]

    def load(self, way, *plan):
        done = subprocess.run(self.command(way, *plan), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
        if seen["faults"]:
            print(f"  {way.name}: {seen['faults']} of {seen['calls'] + seen['faults']} calls failed", flush=True)
        return seen

    def round(self, way):
        seconds = self.arguments.seconds
        before = way.cpu()
        seen = self.load(way, 32, self.arguments.rate, seconds, BODY)
        way.note("cpu", (way.cpu() - before) * 1e6 / max(seen["calls"], 1))
        way.note("p50", seen["whole"]["p50"])
        way.note("p99", seen["whole"]["p99"])
        stream = self.load(way, 32, 100, seconds, STREAM)
        way.note("first", stream["first"]["p50"])
        busy = self.load(way, 64, 0, seconds, BODY)
        way.note("most", busy["per_second"])
        way.note("resident", way.resident())

    def streams(self, way):
        """Holds 1,000 streams open, and looks at the memory meanwhile."""
        process = subprocess.Popen(self.command(way, 1000, 0, 1, OPEN), stdout=subprocess.PIPE, text=True)
        most = 0
        while process.poll() is None:
            most = max(most, way.resident())
            time.sleep(0.2)
        way.note("open", most)
        way.note("streams", json.loads(process.stdout.read())["calls"])


def fdatasync():
    """The middle of 200 writes of 4 KiB to the disk where the stores are, microseconds."""
    times = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(200):
            began = time.perf_counter()
            os.write(file.fileno(), b"x" * 4096)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - began) * 1e6)
    return statistics.median(times)


def judge(ways, disk):
    """Says where a guard is further from nginx than it may be."""
    by = {way.name: way for way in ways}
    direct, proxy = by["direct"], by["nginx"]
    added = lambda way: way.middle("p50") - direct.middle("p50")
    for way in ways:
        if way.pid is None or way is proxy or way.name == "LiteLLM":
            continue
        spare = 200 + (2 * disk if "hard" in way.name else 0)
        for what, figure, most in [
            ("added µs", added(way), added(proxy) + spare),
            ("CPU µs a call", way.middle("cpu"), 4 * proxy.middle("cpu")),
            ("calls a second, nginx's over its own", proxy.middle("most") / max(way.middle("most"), 1), 3),
            ("first stream byte, µs", way.middle("first"), 2 * proxy.middle("first") + (2 * disk if "hard" in way.name else 0)),
            ("MiB under load", way.middle("resident"), 40),
            ("MiB with 1,000 streams", way.middle("open"), 120),
        ]:
            if figure > most:
                yield f"{way.name}: {what}: {figure:.1f}, at most {most:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", default="target/ci")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--only", action="append", help="beside direct and nginx")
    arguments = parser.parse_args()
    bench = Bench(arguments)
    if not shutil.which("nginx"):
        sys.exit("nginx is not installed: figures hold only beside its own")
    process, (upstream,) = start([bench.programs / "examples/simulated_provider", "127.0.0.1:0"], r"(http://\S+)")
    provider = urllib.parse.urlparse(upstream).netloc
    ways = [Way("direct", upstream), nginx(provider)]
    for name, settings, caps, tenants in [
        ("meters only", "trust = true", "", ()),
        ("keys, soft caps", "", KEYS_SOFT, ("acme",)),
        ("keys, hard caps", "", KEYS_SOFT.replace('mode = "soft"', ""), ("acme",)),
    ]:
        if not arguments.only or name in arguments.only:
            ways.append(guard(bench.programs, name, settings, caps, tenants))
    if shutil.which("litellm"):
        ways.append(litellm(provider))
    disk = fdatasync()
    for number in range(arguments.rounds):
        for way in ways:
            bench.round(way)
        print(f"round {number + 1} of {arguments.rounds} is over", flush=True)
    for way in ways:
        bench.streams(way)
    base = ways[0].middle("p50")
    print(f"\n{arguments.rate} calls a second; fdatasync {disk:.0f} µs; load average {os.getloadavg()[0]:.1f}")
    print(f"{'way':<18} {'p50 µs':>8} {'added':>7} {'p99 µs':>8} {'CPU µs':>7} {'most/s':>8} {'first µs':>9} {'MiB':>6} {'streams':>8} {'MiB':>6}")
    for way in ways:
        m = way.middle
        print(f"{way.name:<18} {m('p50'):8.0f} {m('p50') - base:7.0f} {m('p99'):8.0f} {m('cpu'):7.0f} {m('most'):8.0f} "
              f"{m('first'):9.0f} {m('resident'):6.1f} {m('streams'):8.0f} {m('open'):6.1f}")
    faults = list(judge(ways, disk))
    for way in ways:
        way.end()
    process.terminate()
    process.wait()
    for fault in faults:
        print("too far from nginx:", fault)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
