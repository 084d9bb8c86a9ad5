#!/usr/bin/env python3
"""The official Python SDKs of OpenAI and Anthropic through `outlay guard`, in front of the simulated provider.

    tests/clients.py [target/debug/outlay target/debug/examples/simulated_provider]

It needs the SDKs: where they are missing it makes a virtual environment beside the programs (or in OUTLAY_VENV) and
installs them from PyPI; where that cannot be done it says so and fails. Between the checks the ledger must be what
the provider billed, to the nanodollar and by model, and at the end the books must balance.
"""

import asyncio
import json
import os
import pathlib
import subprocess
import sys

from guarded import World

PACKAGES = ["openai", "anthropic"]
PROGRAMS = ["target/debug/outlay", "target/debug/examples/simulated_provider"]


def ensure_packages(programs):
    """Runs this script again inside a virtual environment that has the SDKs."""
    try:
        import anthropic  # noqa: F401
        import openai  # noqa: F401
    except ImportError:
        if os.environ.get("OUTLAY_CLIENTS"):
            raise
        beside = pathlib.Path(programs[0]).resolve().parent / "clients-venv"
        folder = pathlib.Path(os.environ.get("OUTLAY_VENV", beside))
        python = folder / "bin" / "python"
        made = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, text=True)
        if made.returncode != 0:
            sys.exit(f"no virtual environment can be made here (is python3-venv installed?):\n{made.stdout}{made.stderr}")
        command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--retries", "1", *PACKAGES]
        installed = subprocess.run(command, capture_output=True, text=True)
        if installed.returncode != 0:
            sys.exit(f"{' and '.join(PACKAGES)} cannot be installed here (is there a network?):\n{installed.stderr}")
        os.execve(python, [str(python), *sys.argv], {**os.environ, "OUTLAY_CLIENTS": "1"})


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
    pieces = client.chat.completions.create(model="gpt-4o-mini", messages=SAY, tools=[function], max_tokens=200, stream=True)
    parts = [call for piece in pieces for call in piece.choices[0].delta.tool_calls or ()]
    assert parts[0].function.name == "weather"
    assert "city" in json.loads("".join(part.function.arguments or "" for part in parts))
    assert client.responses.create(model="gpt-4.1", input="hello", max_output_tokens=40).output_text
    tool = {"type": "function", "name": "weather", "parameters": TOOL, "strict": False}
    answer = client.responses.create(model="gpt-4.1", input="the weather?", tools=[tool], max_output_tokens=200)
    used = next(item for item in answer.output if item.type == "function_call")
    assert used.name == "weather" and "city" in json.loads(used.arguments)
    unbound = client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=SAY)
    assert int(unbound.headers["x-outlay-max-output"]) > 0, "a limit that the client did not choose is announced"
    with client.responses.stream(model="gpt-4.1", input="[[sim output=20]]", max_output_tokens=40) as stream:
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
    assert (await client.responses.create(model="gpt-4.1", input="hello", max_output_tokens=40)).output_text
    assert len((await client.embeddings.create(model="text-embedding-3-small", input="a river")).data) == 1
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
        result = [*SAY, {"role": "assistant", "content": message.content}]
        result += [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": used.id, "content": "rain"}]}]
        assert client.messages.create(**{**ask, "messages": result}, tools=[tool]).content
        with client.messages.stream(**{**ask, "max_tokens": 200}, tools=[tool]) as stream:
            used = next(block for block in stream.get_final_message().content if block.type == "tool_use")
            assert used.name == "weather" and "city" in used.input
        kinds = [event.type for event in client.messages.create(**ask, stream=True)]
        assert kinds[0] == "message_start" and kinds[-1] == "message_stop"
        assert client.messages.count_tokens(model=ask["model"], messages=SAY).input_tokens > 0


async def anthropic_async(world):
    from anthropic import AsyncAnthropic

    client = AsyncAnthropic(base_url=world.url, api_key=world.keys["rich"])
    ask = {"model": "claude-haiku-4-5", "messages": SAY, "max_tokens": 40}
    messages = await asyncio.gather(*(client.messages.create(**ask) for _ in range(20)))
    assert all(message.usage.output_tokens > 0 for message in messages)
    async with client.messages.stream(**ask) as stream:
        assert [text async for text in stream.text_stream]
    async with client.messages.stream(**{**ask, "messages": simulated("output=40 slow=2ms")}) as stream:
        async for _ in stream.text_stream:
            break


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


def agree(world):
    """The ledger is the bill."""
    world.quiet()
    assert world.ledger() == world.billed(), (world.ledger(), world.billed())


def main():
    programs = sys.argv[1:3] or PROGRAMS
    ensure_packages(programs)
    import anthropic
    import openai

    print(f"openai {openai.__version__}, anthropic {anthropic.__version__}")
    caps = '[[cap]]\nscope = "tenant:rich"\nlimit = "100.00/day"\n[[cap]]\nscope = "tenant:poor"\nlimit = "0/day"\n'
    world = World(*programs, guard='max_wait = "0"', rest=caps, tenants=("rich", "poor"))
    for check in (openai_sync, openai_async, anthropic_sync, anthropic_async):
        found = check(world)
        if asyncio.iscoroutine(found):
            asyncio.run(found)
        agree(world)
        print(f"ok  {check.__name__}: the ledger is the bill, {sum(world.billed().values())} nanodollars so far")
    for check in (openai_errors, anthropic_errors):
        check(world)
        print(f"ok  {check.__name__}")
    # What broke off is charged in full as uncertain, and that only: never less than was billed.
    world.quiet()
    ledger, billed = sum(world.ledger().values()), sum(world.billed().values())
    uncertain = world.metric("outlay_spend_nanodollars_total", 'closing="uncertain"')
    assert billed <= ledger <= billed + uncertain, (billed, ledger, uncertain)
    requests = world.bill()["requests"]
    world.close()
    print(f"{requests} requests upstream, {billed} nanodollars billed, {ledger - billed} more in doubt; the books balance")


if __name__ == "__main__":
    main()
