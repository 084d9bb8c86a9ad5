#!/usr/bin/env python3
"""Makes known mistakes in the rules on money, one at a time, and checks that a test notices each.

A mutant is a line under `mutant!("name")` at the place where the mistake would be made. All are built in once, with
`--cfg mutant`, only here and in a target folder of their own (or in CARGO_TARGET_DIR), never in a release; a run makes
the one that OUTLAY_MUTANT names. The setting reaches this project's crates alone.

    tests/bench/mutants.py            all mutants
    tests/bench/mutants.py NAME...    some of them

A guard never tries an attempt again by itself, so there is no mutant that uses a hold twice.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target" / "mutants"))
LIB, IT = "--lib", "--test=it"
STORE = "store::guard::tests"

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
    "first-limit-field-wins": (LIB, "wire::dialect::hostile::of_two_limits_the_larger_counts_in_any_order"),
    "default-16384": (LIB, "guard::estimate::tests::a_limit_that_is_not_given_is_the_models_or_the_usual_one"),
    "origin-accepted": (IT, "guard::doors::a_web_page_cannot_spend"),
    "host-decides-the-route": (IT, "guard::shapes::the_host_of_a_request_does_not_choose_where_it_goes"),
    "url-join-upstream": (IT, "guard::shapes::host_and_path_upstream_are_constants"),
    "redirects-on": (IT, "guard::flows::redirects_are_not_followed"),
    "fail-open-on-store-error": (IT, "guard::flows::without_books_nothing_is_sent"),
    "check-then-act": (LIB, f"{STORE}::of_a_thousand_callers_at_once_exactly_as_many_pass_as_fit"),
    "resize-the-hold-to-what-is-left": (
        LIB, f"{STORE}::catalogue::a_hold_is_all_that_a_call_may_cost_and_never_what_is_left"),
    "ttl-voids": (LIB, f"{STORE}::the_holds_of_a_living_guard_are_never_swept_however_old"),
    "rollover-zeroes-reserved": (
        LIB, f"{STORE}::catalogue::a_call_settles_in_the_day_and_month_in_which_it_was_reserved"),
    "settle-in-the-current-period": (
        LIB, f"{STORE}::catalogue::a_call_settles_in_the_day_and_month_in_which_it_was_reserved"),
    "lowering-the-cap-voids": (
        LIB, f"{STORE}::catalogue::a_lowered_cap_voids_nothing_and_admits_nothing_until_what_is_in_flight_fits"),
    "sums-kept-though-others-wrote": (
        LIB, f"{STORE}::of_two_guards_in_turn_each_knows_what_the_other_has_just_held"),
    "cap-read-from-memory": (LIB, f"{STORE}::a_cap_that_is_lowered_admits_nothing_from_the_commit_on"),
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


def build():
    """Builds both binaries of tests with all mutants in them; returns their paths."""
    wrapper = TARGET / "compiler"
    TARGET.mkdir(parents=True, exist_ok=True)
    wrapper.write_text('#!/bin/sh\nexec "$@" -C debuginfo=0 --cfg mutant\n')
    wrapper.chmod(0o755)
    environment = dict(os.environ, CARGO_TARGET_DIR=str(TARGET), RUSTC_WORKSPACE_WRAPPER=str(wrapper))
    command = ["cargo", "test", "--locked", "--no-run", "--message-format=json", LIB, IT]
    built = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    messages = [json.loads(line) for line in built.stdout.splitlines() if line.startswith("{")]
    tests = [message for message in messages if message.get("executable") and message["profile"]["test"]]
    return {IT if message["target"]["kind"] == ["test"] else LIB: message["executable"] for message in tests}


def run(binaries, mutant, binary, test):
    """Returns True (green), False (red) or None where the test did not run at all."""
    environment = dict(os.environ, CARGO_MANIFEST_DIR=str(ROOT))
    environment.pop("OUTLAY_MUTANT", None)
    if mutant:
        environment["OUTLAY_MUTANT"] = mutant
    result = subprocess.run([binaries[binary], "--exact", test], cwd=ROOT, env=environment, capture_output=True, text=True)
    output = result.stdout + result.stderr
    ran = re.search(r"test result: \w+\. (\d+) passed; (\d+) failed", output)
    if not ran or ran.group(1) == ran.group(2) == "0":
        print(output[-2000:], file=sys.stderr)
        return None
    return result.returncode == 0


def seeded():
    """Returns the mutants that stand in the sources."""
    sources = (ROOT / "src").rglob("*.rs")
    return {name for path in sources for name in re.findall(r'mutant!\("([^"]+)"\)', path.read_text())}


def main():
    faults = [f"{name}: in the sources, killed by no test" for name in sorted(seeded() - MUTANTS.keys())]
    faults += [f"{name}: not in the sources" for name in sorted(MUTANTS.keys() - seeded())]
    names = sys.argv[1:] or list(MUTANTS)
    checks = [(name, *MUTANTS[name]) for name in names if name in MUTANTS]
    checks += [(name, IT, MODEL) for name in names if name in MODELLED]
    binaries = build()
    for binary, test in sorted({(binary, test) for _, binary, test in checks}):
        if run(binaries, None, binary, test) is not True:
            faults.append(f"{test}: not green without a mutant")
    for name, binary, test in checks:
        killed = run(binaries, name, binary, test) is False
        print(f"{'killed' if killed else 'ALIVE '}  {name:36} {test}", flush=True)
        if not killed:
            faults.append(f"{name}: alive under {test}")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
