"""The command line itself: help, version, errors of use."""

import pytest


def test_help_names_the_commands(jarvis2):
    result = jarvis2("--help", expect=0)
    assert "hw" in result.stdout
    assert result.stderr == ""


def test_version_is_one_line_on_stdout(jarvis2):
    result = jarvis2("--version", expect=0)
    assert result.stdout.startswith("jarvis2 ")
    assert result.stdout.count("\n") == 1


@pytest.mark.parametrize("arguments", [["frobnicate"], ["hw", "--no-such-option"], []])
def test_wrong_use_is_one_line_and_status_2(jarvis2, arguments):
    result = jarvis2(*arguments, expect=2)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert "--help" in lines[0]


def test_json_goes_to_stdout_alone(jarvis2):
    result = jarvis2("hw", "--json", expect=0)
    assert result.json["cpu"]["logical"] >= 1
