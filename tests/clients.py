#!/usr/bin/env python3
"""The official Python SDKs of OpenAI and Anthropic through `outlay guard`, in front of the simulated provider.

Usage: tests/clients.py OUTLAY SIMULATOR   (two programs: target/debug/outlay target/debug/examples/simulated_provider)
Exit code 0: all is well, or the SDKs cannot be installed here (then it says so).
"""

import asyncio
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import venv

PACKAGES = ["openai", "anthropic"]
CANARY = "sk-upstream-canary"


def ensure_packages():
    """Runs this script again inside a virtual environment that has the SDKs."""
    try:
        import anthropic  # noqa: F401
        import openai  # noqa: F401
    except ImportError:
        if os.environ.get("OUTLAY_CLIENTS"):
            raise
        folder = pathlib.Path(os.environ.get("OUTLAY_VENV", pathlib.Path(sys.argv[1]).resolve().parent / "clients-venv"))
        python = folder / "bin" / "python"
        if not python.exists():
            venv.create(folder, with_pip=True)
        installed = subprocess.run([python, "-m", "pip", "install", "-q", "--retries", "1", *PACKAGES], capture_output=True, text=True)
        if installed.returncode != 0:
            print("skipped: the SDKs cannot be installed here:", installed.stderr.strip().splitlines()[-1:])
            sys.exit(0)
        os.execve(python, [str(python), *sys.argv], {**os.environ, "OUTLAY_CLIENTS": "1"})


def start(command, pattern, env=None, pipe="stdout"):
    """Starts a program, and returns it with what it says of its address."""
    process = subprocess.Popen(command, env=env, text=True, **{pipe: subprocess.PIPE})
    for line in getattr(process, pipe):
        found = re.search(pattern, line)
        if found:
            return process, found.groups()
    raise SystemExit(f"{command[0]} did not start")


class World:
    """The provider, the guard and two tenants: one with money, one whose cap is used up."""

    def __init__(self, outlay, simulator):
        self.home = tempfile.TemporaryDirectory()
        home = pathlib.Path(self.home.name)
        env = {"HOME": str(home), "PATH": os.environ["PATH"], "KEY": CANARY}
        self.provider, (self.upstream,) = start([simulator, "127.0.0.1:0"], r"(http://\S+)")
        config = home / "config.toml"
        upstream = lambda name, path: f'[[upstream]]\nname = "{name}"\ndialect = "{name}"\nbase_url = "{self.upstream}{path}"\nkey_env = "KEY"\n'
        config.write_text(
            '[guard]\nlisten = "127.0.0.1:0"\nadmin = "127.0.0.1:0"\nmax_wait = "0"\n'
            + upstream("openai", "/v1")
            + upstream("anthropic", "")
            + '[[cap]]\nscope = "tenant:rich"\nlimit = "100.00/day"\n[[cap]]\nscope = "tenant:poor"\nlimit = "0/day"\n'
        )
        self.outlay = [outlay, "--config", str(config), "--store", str(home / "outlay.db")]
        self.env = env
        self.keys = {tenant: self.key(tenant) for tenant in ("rich", "poor")}
        self.guard, (self.url, self.admin) = start([*self.outlay, "guard"], r"guard on (http://\S+), .* on (http://\S+)", env, "stderr")

    def run(self, *arguments):
        done = subprocess.run([*self.outlay, *arguments], env=self.env, capture_output=True, text=True)
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout

    def key(self, tenant):
        return self.run("keys", "create", tenant).strip()

    def bill(self):
        with urllib.request.urlopen(f"{self.upstream}/_sim/bill") as answer:
            return json.load(answer)

    def metric(self, name):
        with urllib.request.urlopen(f"{self.admin}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return sum(int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    def close(self):
        self.guard.send_signal(signal.SIGTERM)
        assert self.guard.wait(timeout=60) == 0, "the guard ends well"
        self.provider.terminate()
        self.provider.wait(timeout=60)
        assert "balance to the nanodollar" in self.run("doctor", "--books")
        self.home.cleanup()


TOOL = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SAY = [{"role": "user", "content": "Say a few words about rivers."}]


def simulated(script):
    return [{"role": "user", "content": f"[[sim {script}]]"}]


def openai_sync(world):
    from openai import OpenAI

    client = OpenAI(base_url=f"{world.url}/v1", api_key=world.keys["rich"])
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=SAY, max_tokens=40)
    assert raw.headers["x-outlay-call"] and float(raw.headers["x-outlay-cost-usd"]) > 0
    assert raw.parse().choices[0].message.content
    pieces = list(client.chat.completions.create(model="gpt-4o-mini", messages=SAY, max_tokens=40, stream=True))
    assert all(piece.usage is None for piece in pieces) and len(pieces) > 3
    assert all(piece.choices for piece in pieces), "the usage that only the guard asked for is gone"
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    pieces = list(client.chat.completions.create(model="gpt-4o-mini", messages=SAY, max_tokens=40, **asked))
    assert pieces[-1].usage.completion_tokens > 0
    function = {"type": "function", "function": {"name": "weather", "parameters": TOOL}}
    answer = client.chat.completions.create(model="gpt-4o-mini", messages=SAY, tools=[function], max_tokens=200)
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "weather" and "city" in json.loads(call.function.arguments)
    result = [*SAY, answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
    assert client.chat.completions.create(model="gpt-4o-mini", messages=result, tools=[function], max_tokens=40).choices
    assert client.responses.create(model="gpt-4.1", input="hello", max_output_tokens=40).output_text
    with client.responses.stream(model="gpt-4.1", input="hello", max_output_tokens=40) as stream:
        assert [event for event in stream if event.type == "response.output_text.delta"]
        assert stream.get_final_response().usage.output_tokens > 0
    vectors = client.embeddings.create(model="text-embedding-3-small", input=["a river", "a lake"])
    assert len(vectors.data) == 2
    assert [model.id for model in client.models.list()]


async def openai_async(world):
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=f"{world.url}/v1", api_key=world.keys["rich"])
    ask = lambda: client.chat.completions.create(model="gpt-4o-mini", messages=SAY, max_tokens=40)
    answers = await asyncio.gather(*(ask() for _ in range(20)))
    assert all(answer.usage.completion_tokens > 0 for answer in answers)
    stream = await client.chat.completions.create(model="gpt-4o-mini", messages=SAY, max_tokens=40, stream=True)
    assert [piece async for piece in stream]
    leaves = await client.chat.completions.create(model="gpt-4o-mini", messages=simulated("output=40 slow=2ms"), max_tokens=40, stream=True)
    async for _ in leaves:
        break
    await leaves.close()


def openai_errors(world):
    import openai

    client = openai.OpenAI(base_url=f"{world.url}/v1", api_key=world.keys["rich"])
    ask = lambda client, **more: client.chat.completions.create(**{"model": "gpt-4o-mini", "messages": SAY, "max_tokens": 5, **more})
    before = world.metric("outlay_refusals_total")
    poor = client.with_options(api_key=world.keys["poor"], max_retries=5)
    try:
        ask(poor)
        raise AssertionError("a cap of nothing lets nothing pass")
    except openai.APIStatusError as error:
        assert error.status_code == 402 and error.code == "cap_exhausted", error
        assert error.body["outlay"]["scope"] == "tenant:poor", error.body
    assert world.metric("outlay_refusals_total") == before + 1, "402 is not tried again"
    for kind, options, more in [
        (openai.AuthenticationError, {"api_key": "outlay-nobody"}, {}),
        (openai.BadRequestError, {}, {"max_tokens": -1}),
        (openai.BadRequestError, {}, {"model": "nobodys-model"}),
        (openai.RateLimitError, {"max_retries": 0}, {"messages": simulated("status=429")}),
        (openai.InternalServerError, {"max_retries": 0}, {"messages": simulated("status=500")}),
    ]:
        try:
            ask(client.with_options(**options), **more)
            raise AssertionError(f"no {kind}")
        except kind:
            pass
    try:
        list(ask(client, messages=simulated("output=5 cut@chunk:2"), stream=True))
        raise AssertionError("a stream that breaks off looks whole")
    except openai.APIError:
        pass
    except Exception as error:  # The HTTP library's own words for a broken stream.
        assert "closed" in str(error) or "incomplete" in str(error), error


def anthropic_sync(world):
    from anthropic import Anthropic

    for client in (
        Anthropic(base_url=world.url, api_key=world.keys["rich"]),
        Anthropic(base_url=world.url, api_key=None, auth_token=world.keys["rich"]),
    ):
        ask = {"model": "claude-haiku-4-5", "messages": SAY, "max_tokens": 40}
        message = client.messages.create(**ask)
        assert message.usage.output_tokens > 0 and message.content[0].text
        with client.messages.stream(**ask) as stream:
            assert "".join(stream.text_stream)
            assert stream.get_final_message().usage.output_tokens > 0
        tool = {"name": "weather", "input_schema": TOOL}
        message = client.messages.create(**{**ask, "max_tokens": 200}, tools=[tool])
        used = next(block for block in message.content if block.type == "tool_use")
        assert used.name == "weather" and "city" in used.input
        assert client.messages.count_tokens(model=ask["model"], messages=SAY).input_tokens > 0


async def anthropic_async(world):
    from anthropic import AsyncAnthropic

    client = AsyncAnthropic(base_url=world.url, api_key=world.keys["rich"])
    ask = {"model": "claude-haiku-4-5", "messages": SAY, "max_tokens": 40}
    messages = await asyncio.gather(*(client.messages.create(**ask) for _ in range(20)))
    assert all(message.usage.output_tokens > 0 for message in messages)
    async with client.messages.stream(**ask) as stream:
        assert [text async for text in stream.text_stream]


def anthropic_errors(world):
    import anthropic

    client = anthropic.Anthropic(base_url=world.url, api_key=world.keys["rich"])
    ask = {"model": "claude-haiku-4-5", "messages": SAY, "max_tokens": 5}
    before = world.metric("outlay_refusals_total")
    try:
        client.with_options(api_key=world.keys["poor"], max_retries=5).messages.create(**ask)
        raise AssertionError("a cap of nothing lets nothing pass")
    except anthropic.APIStatusError as error:
        assert error.status_code == 402, error
        assert error.body["error"]["type"] == "billing_error", error.body
    assert world.metric("outlay_refusals_total") == before + 1, "402 is not tried again"
    for kind, options, more in [
        (anthropic.AuthenticationError, {"api_key": "outlay-nobody"}, {}),
        (anthropic.BadRequestError, {}, {"max_tokens": 0}),
        (anthropic.RateLimitError, {"max_retries": 0}, {"messages": simulated("status=429")}),
        (anthropic.InternalServerError, {"max_retries": 0}, {"messages": simulated("overloaded")}),
    ]:
        try:
            client.with_options(**options).messages.create(**{**ask, **more})
            raise AssertionError(f"no {kind}")
        except kind:
            pass


def main():
    ensure_packages()
    import anthropic
    import openai

    print(f"openai {openai.__version__}, anthropic {anthropic.__version__}")
    world = World(sys.argv[1], sys.argv[2])
    for check in (openai_sync, openai_async, openai_errors, anthropic_sync, anthropic_async, anthropic_errors):
        found = check(world)
        if asyncio.iscoroutine(found):
            asyncio.run(found)
        print(f"ok  {check.__name__}")
    bill = world.bill()
    world.close()
    print(f"{bill['requests']} requests upstream, {bill['nanodollars']} nanodollars billed; the books balance")


if __name__ == "__main__":
    main()
