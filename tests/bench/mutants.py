#!/usr/bin/env python3
"""Seeds known mistakes into the rules on money, one at a time, and checks that a test notices each.

A mutant is a line under `cfg!(mutant = "name")` at the place where the mistake would be made. It is built
only here, in a target folder of its own (or in CARGO_TARGET_DIR), never in a release. The setting reaches
this project's crates alone, so that the dependencies are built once.

    tests/bench/mutants.py            all mutants
    tests/bench/mutants.py NAME...    some of them
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target" / "mutants"))
LIB, IT = "--lib", "--test=it"

# mutant -> the binary and the test that must turn red
MUTANTS = {
    "negative-hold": (LIB, "domain::amount::tests::a_negative_amount_does_not_exist"),
    "double-release-with-clamp": (
        LIB, "domain::budget::tests::a_release_that_was_never_reserved_is_an_error_and_not_zero"),
    "uncertain-is-free": (LIB, "domain::gate::tests::doubtful_money_counts_and_is_not_waited_for"),
    "held-money-is-free": (LIB, "domain::gate::tests::money_in_flight_counts_but_is_worth_waiting_for"),
    "unknown-model-at-zero": (LIB, "domain::gate::tests::what_has_no_price_passes_no_hard_cap_on_money"),
    "double-settle": (LIB, "domain::hold::tests::a_hold_closes_once"),
    "cancel-refunds": (LIB, "domain::closing::tests::what_is_not_known_is_charged_in_full"),
    "cancel-charges-input-only": (LIB, "domain::closing::tests::what_is_not_known_is_charged_in_full"),
    "void-a-dispatched-hold-at-recovery": (
        LIB, "domain::closing::tests::at_recovery_what_was_sent_is_charged_and_what_was_not_is_given_back"),
    "round-down": (LIB, "domain::estimate::tests::a_part_of_a_nanodollar_is_a_whole_one"),
    "f64-money": (LIB, "domain::estimate::tests::a_part_of_a_nanodollar_is_a_whole_one"),
    "rolling-forgets-a-bucket": (
        LIB, "domain::period::tests::a_rolling_window_never_forgets_and_counts_at_most_one_bucket_more"),
    "a-jump-opens-a-period": (LIB, "domain::period_clock::tests::a_jump_ahead_opens_nothing_until_it_is_confirmed"),
    "period-time-goes-back": (
        LIB, "domain::period_clock::tests::period_time_never_goes_back_nor_outruns_the_steady_clock"),
}

# mutants that the model of the protocol must notice as well, by itself
MODEL = "model::no_order_of_events_passes_a_cap_or_loses_a_bill"
MODELLED = [
    "held-money-is-free",
    "uncertain-is-free",
    "double-settle",
    "cancel-refunds",
    "cancel-charges-input-only",
    "void-a-dispatched-hold-at-recovery",
]


def compiler(mutant):
    """Returns a compiler that seeds a mutant."""
    path = TARGET / "compilers" / mutant
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"""#!/bin/sh\nexec "$@" -C debuginfo=0 --cfg 'mutant="{mutant}"'\n""")
    path.chmod(0o755)
    return str(path)


def run(mutant, binary, test):
    """Returns True (green), False (red) or None where the test did not run at all."""
    environment = dict(os.environ, CARGO_TARGET_DIR=str(TARGET))
    if mutant:
        environment["RUSTC_WORKSPACE_WRAPPER"] = compiler(mutant)
    command = ["cargo", "test", "--locked", "--quiet", binary, "--", "--exact", test]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    output = result.stdout + result.stderr
    ran = re.search(r"test result: \w+\. (\d+) passed; (\d+) failed", output)
    if not ran or ran.group(1) == ran.group(2) == "0":
        print(output[-2000:], file=sys.stderr)
        return None
    return result.returncode == 0


def seeded():
    """Returns the mutants that stand in the sources."""
    sources = (ROOT / "src").rglob("*.rs")
    return {name for path in sources for name in re.findall(r'mutant = "([^"]+)"', path.read_text())}


def main():
    faults = [f"{name}: in the sources, killed by no test" for name in sorted(seeded() - MUTANTS.keys())]
    faults += [f"{name}: not in the sources" for name in sorted(MUTANTS.keys() - seeded())]
    names = sys.argv[1:] or list(MUTANTS)
    checks = [(name, *MUTANTS[name]) for name in names if name in MUTANTS]
    checks += [(name, IT, MODEL) for name in names if name in MODELLED]
    for binary, test in sorted({(binary, test) for _, binary, test in checks}):
        if run(None, binary, test) is not True:
            faults.append(f"{test}: not green without a mutant")
    for name, binary, test in checks:
        killed = run(name, binary, test) is False
        print(f"{'killed' if killed else 'ALIVE '}  {name:36} {test}", flush=True)
        if not killed:
            faults.append(f"{name}: alive under {test}")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
