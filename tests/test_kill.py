"""Ctrl-C and SIGKILL at any stage: the user's tree stays as it is, nothing runs on, the next run cleans up."""

import signal
import time
from pathlib import Path

import pytest

SLOW_PROJECT = {
    "app.py": "def work(n):\n    return sum(i * i for i in range(n))\n",
    "tests/__init__.py": "",
    "tests/test_app.py": """
        import os
        import subprocess
        import time
        import unittest

        class Slow(unittest.TestCase):
            def test_with_children(self):
                open("tests/marker", "w").close()
                child = subprocess.Popen(["setsid", "sleep", "30"])
                time.sleep(20)
        """,
    "work.sh": "i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done; echo $i\n",
}


def state(repository):
    """All that a user would miss: files with modes, index, HEAD, refs, stash, hooks."""
    git = repository.path / ".git"
    return (
        {path: data for path, data in repository.contents().items() if path != "jarvis2.toml"},
        (git / "index").read_bytes(),
        (git / "HEAD").read_bytes(),
        repository.git("for-each-ref"),
        repository.git("worktree", "list"),
        sorted(path.name for path in (git / "hooks").glob("*")),
    )


def worktrees(environment):
    folder = Path(environment["XDG_CACHE_HOME"]) / "jarvis2" / "worktrees"
    return [path for path in folder.glob("*/*")] if folder.exists() else []


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def has_command(jarvis2, name):
    return f"\n  {name} " in jarvis2("--help").stdout


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("moment", ["start", "worktree", "command"])
def test_init_killed_while_it_runs_the_tests(jarvis2, jarvis2_started, git_repo, environment, signal_number, moment):
    repository = git_repo(SLOW_PROJECT)
    before = state(repository)
    process = jarvis2_started("init", repository)
    if moment == "worktree":
        wait_for(lambda: worktrees(environment))
    elif moment == "command":
        wait_for(lambda: any((path / "src/tests/marker").exists() for path in worktrees(environment)))
    process.send_signal(signal_number)
    process.wait(timeout=20)
    assert state(repository) == before
    assert not (repository.path / "jarvis2.toml").exists()
    if signal_number != signal.SIGKILL:
        if moment != "start":  # the handler may not be there yet
            assert process.returncode == 130
        assert worktrees(environment) == []
    repository.write({"tests/test_app.py": "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n"})
    jarvis2("init", repository, expect=0)
    assert worktrees(environment) == []


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("stage", ["setup", "build", "test", "bench"])
def test_improve_killed_in_its_baseline(jarvis2, jarvis2_started, git_repo, environment, signal_number, stage):
    if not has_command(jarvis2, "improve"):
        pytest.skip("no improve command")
    commands = {"setup": "true", "build": "true", "test": "true", "bench": "sh work.sh"}
    commands[stage] = "touch marker; setsid sleep 30 & sleep 20"
    toml = "[project]\n" + "".join(f'{key} = "{value}"\n' for key, value in commands.items())
    repository = git_repo({**SLOW_PROJECT, "jarvis2.toml": toml})
    before = state(repository)
    process = jarvis2_started("improve", repository)
    wait_for(lambda: any((path / "src/marker").exists() for path in worktrees(environment)))
    process.send_signal(signal_number)
    process.wait(timeout=20)
    assert state(repository) == before
    if signal_number == signal.SIGINT:
        assert process.returncode == 130
        assert worktrees(environment) == []
    repository.write({"jarvis2.toml": '[project]\ntest = "false"\nbench = "true"\n'})
    repository.commit()
    jarvis2("improve", repository, expect=2)
    assert worktrees(environment) == []


@pytest.mark.parametrize("seconds", [3, 8, 15, 25])
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGKILL])
def test_improve_killed_at_any_time(jarvis2, jarvis2_started, example, environment, signal_number, seconds):
    if not has_command(jarvis2, "improve"):
        pytest.skip("no improve command")
    repository = example("python-logstats")
    before = state(repository)
    process = jarvis2_started("improve", repository, "--budget", "60s")
    try:
        process.wait(timeout=seconds)
    except Exception:
        process.send_signal(signal_number)
        process.wait(timeout=20)
    assert state(repository) == before
    repository.write({"jarvis2.toml": '[project]\ntest = "false"\nbench = "true"\n'})
    repository.commit()
    jarvis2("improve", repository, expect=2)
    assert worktrees(environment) == []
