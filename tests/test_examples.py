"""The examples are what they claim: they build, their tests pass, and their benchmarks print the same every time."""

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/jarvis2.toml"))


def run(command, folder):
    return subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, timeout=300)


def as_list(value):
    return [value] if isinstance(value, str) else value


def test_there_are_three():
    assert len(NAMES) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_builds_passes_and_prints_the_same(name, tmp_path):
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("build", ".jarvis2", "__pycache__"))
    project = tomllib.loads((folder / "jarvis2.toml").read_text())["project"]
    if "build" in project:
        built = run(project["build"], folder)
        assert built.returncode == 0, built.stdout + built.stderr
    tested = run(project["test"], folder)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    outputs = []
    for command in as_list(project["bench"]) + as_list(project["holdout"]):
        first, second = run(command, folder), run(command, folder)
        assert first.returncode == 0, first.stderr
        assert first.stdout.strip()
        assert first.stdout == second.stdout
        outputs.append(first.stdout)
    assert len(set(outputs)) == len(outputs), "the holdout is another input"
    assert all(any(folder.glob(glob)) for glob in project["edit"])
