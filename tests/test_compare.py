"""compare: the judge for two commands; verdicts, keys and exit status."""

import os
import signal
import subprocess
import time

import pytest

SPIN = "i=0; while [ $i -lt {} ]; do i=$((i+1)); done; echo done"


def test_faster_is_status_0_with_its_evidence(jarvis2):
    result = jarvis2("compare", SPIN.format(40000), SPIN.format(12000), "--json", "--budget", "40s", expect=0)
    judgement = result.json
    assert judgement["verdict"] == "faster"
    ratio = judgement["ratio"]
    assert 1.02 < ratio["low"] <= ratio["estimate"] <= ratio["high"]
    assert judgement["pairs"] == len(judgement["samples"]) >= 5
    assert judgement["alpha"] == 0.05
    assert judgement["instrument"] in ("duet", "sequential")
    assert {"aa", "confirmation", "seed", "reason"} <= judgement.keys()


def test_slower_is_status_1(jarvis2):
    result = jarvis2("compare", SPIN.format(12000), SPIN.format(40000), "--json", "--budget", "40s", expect=1)
    assert result.json["verdict"] == "slower"


def test_no_time_to_tell_is_status_3(jarvis2):
    result = jarvis2("compare", "sleep 0.2", "sleep 0.2", "--json", "--budget", "600ms", "--quiet", expect=3)
    assert result.json["verdict"] == "undecided"


@pytest.mark.parametrize(
    "a, b, expected",
    [
        ("exit 3", "true", "baseline exited with status 3"),
        ("true", "echo broken >&2; exit 3", "broken"),
        ("echo one", "echo two", "--ignore-output"),
        ("date +%N", "date +%N", "output"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_status_2(jarvis2, a, b, expected):
    result = jarvis2("compare", a, b, expect=2)
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert expected in result.stderr


@pytest.mark.parametrize("option", [["--budget", "soon"], ["--min-effect", "much"], ["--alpha", "2"], ["--instrument", "ruler"]])
def test_wrong_options(jarvis2, option):
    result = jarvis2("compare", "true", "true", *option, expect=2)
    assert len(result.stderr.splitlines()) == 1


def test_interrupt_leaves_no_process(environment):
    marker = f"31.{os.getpid()}"
    program = os.environ["JARVIS2_BIN"]
    process = subprocess.Popen([program, "compare", f"sleep {marker}", f"sleep {marker}"], env=environment,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert marker not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
