#!/usr/bin/env python3
"""The official JavaScript SDKs of OpenAI and Anthropic through `outlay guard`, in front of the simulated provider.

    tests/clients_js.py [target/debug/outlay target/debug/examples/simulated_provider]

It needs `node` (20 or later) and `npm`, and installs the SDKs, at the versions below, into a folder beside the programs
(or in OUTLAY_NODE_MODULES); where that cannot be done, or others are there, it says so and fails. After each check of `clients.mjs` the ledger must
be what the provider billed, to the nanodollar and by model, and at the end the books must balance.
"""

import json
import os
import pathlib
import subprocess
import sys

from guarded import World

#: The newest that run on Node 20: openai 7 wants Node 22.
PACKAGES = {"openai": "6.49.0", "@anthropic-ai/sdk": "1.14.0"}
PROGRAMS = ["target/debug/outlay", "target/debug/examples/simulated_provider"]
CHECKS = pathlib.Path(__file__).with_name("clients.mjs")


def versions(folder):
    """Returns which SDKs are in a folder, as they say themselves."""
    manifests = {name: folder / "node_modules" / name / "package.json" for name in PACKAGES}
    return {name: json.loads(path.read_text())["version"] for name, path in manifests.items() if path.exists()}


def installed(programs):
    """Returns a folder that has the SDKs."""
    beside = pathlib.Path(programs[0]).resolve().parent / "clients-js"
    folder = pathlib.Path(os.environ.get("OUTLAY_NODE_MODULES", beside))
    folder.mkdir(parents=True, exist_ok=True)
    if versions(folder) != PACKAGES:
        wanted = [f"{name}@{version}" for name, version in PACKAGES.items()]
        command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", folder, *wanted]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' and '.join(wanted)} cannot be installed here (is there a network?):\n{done.stderr}")
    if versions(folder) != PACKAGES:
        sys.exit(f"{folder} has {versions(folder)}, not {PACKAGES}")
    return folder


def run(*words):
    done = subprocess.run(["node", CHECKS, *map(str, words)], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit(f"{words[-1]} does not hold:\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    programs = sys.argv[1:3] or PROGRAMS
    folder = installed(programs)
    node = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    print(", ".join(f"{name} {version}" for name, version in versions(folder).items()), f"on Node {node}")
    caps = '[[cap]]\nscope = "tenant:rich"\nlimit = "100.00/day"\n[[cap]]\nscope = "tenant:poor"\nlimit = "0/day"\n'
    world = World(*programs, guard='max_wait = "0"', rest=caps, tenants=("rich", "poor"))
    words = [folder, world.url, world.admin, world.keys["rich"], world.keys["poor"]]
    checks = run(*words, "list").split()
    for check in checks:
        run(*words, check)
        world.quiet()
        if check != "errors":
            assert world.ledger() == world.billed(), (check, world.ledger(), world.billed())
        print(f"ok  {check}: {sum(world.billed().values())} nanodollars billed so far", flush=True)
    # What broke off is charged in full as uncertain, and that only: never less than was billed.
    ledger, billed = sum(world.ledger().values()), sum(world.billed().values())
    uncertain = world.metric("outlay_spend_nanodollars_total", 'closing="uncertain"')
    assert billed <= ledger <= billed + uncertain, (billed, ledger, uncertain)
    requests = world.bill()["requests"]
    world.close()
    print(f"{requests} requests upstream, {billed} nanodollars billed, {ledger - billed} more in doubt; the books balance")


if __name__ == "__main__":
    main()
