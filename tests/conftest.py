"""Fixtures of the whole-program tests: the program, git repositories to point it at, a watch on left-over processes."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

PROGRAM = Path(os.environ["JARVIS2_BIN"])
SOURCE = Path(os.environ["JARVIS2_SOURCE_DIR"])


class Result(subprocess.CompletedProcess):
    """What a run of the program left: returncode, stdout, stderr (text), and stdout as JSON."""

    @property
    def json(self):
        try:
            return json.loads(self.stdout)
        except json.JSONDecodeError as error:
            raise AssertionError(f"stdout is not JSON ({error}): {self.stdout!r}, stderr: {self.stderr!r}") from None


@pytest.fixture
def environment(tmp_path):
    """The caller's environment with an empty home and cache, so that no test sees another's state."""
    home = tmp_path / "home"
    home.mkdir()
    changes = {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "NO_COLOR": "1",
        "LC_ALL": "C.UTF-8",
    }
    return {**os.environ, **changes}


@pytest.fixture
def jarvis2(environment):
    """jarvis2("improve", folder, "--json", ...): runs the program to its end. `expect` asserts the exit status."""

    def call(*args, cwd=None, env=None, timeout=600, expect=None, stdin=""):
        command = [str(PROGRAM), *map(str, args)]
        done = subprocess.run(
            command, cwd=cwd, env={**environment, **(env or {})}, timeout=timeout, input=stdin, capture_output=True, text=True
        )
        result = Result(command, done.returncode, done.stdout, done.stderr)
        if expect is not None:
            assert result.returncode == expect, f"{command}\nstatus {result.returncode}\n{result.stdout}\n{result.stderr}"
        return result

    return call


@pytest.fixture
def jarvis2_started(environment):
    """Starts the program in the background and hands back the Popen; ended when the test ends."""
    started = []

    def call(*args, cwd=None, env=None, **options):
        command = [str(PROGRAM), *map(str, args)]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(command, cwd=cwd, env={**environment, **(env or {})}, **{**pipes, **options})
        started.append(process)
        return process

    yield call
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()


class Repository:
    """A git repository in a folder of its own."""

    def __init__(self, path, environment):
        self.path = path
        self.environment = environment

    def __fspath__(self):
        return str(self.path)

    __str__ = __fspath__

    def git(self, *args):
        options = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", *options, *args], cwd=self.path, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"git {args}: {done.stderr}"
        return done.stdout

    def write(self, files):
        for name, text in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).lstrip("\n").encode())

    def commit(self, message="change"):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def contents(self):
        """Every file outside .git and .jarvis2 with its bytes and mode: what must not change behind the user's back."""
        return {
            str(path.relative_to(self.path)): (path.lstat().st_mode, path.read_bytes())
            for path in sorted(self.path.rglob("*"))
            if path.is_file() and path.relative_to(self.path).parts[0] not in (".git", ".jarvis2")
        }


@pytest.fixture
def git_repo(tmp_path, environment):
    """git_repo({"a.py": "..."}): a repository with these files in one commit (indentation common to a text is removed)."""
    count = 0

    def make(files=None, commit=True):
        nonlocal count
        count += 1
        path = tmp_path / f"repository{count}"
        path.mkdir()
        repository = Repository(path, environment)
        repository.git("init", "-q", "-b", "main")
        repository.write(files or {})
        if files and commit:
            repository.commit("first")
        return repository

    return make


@pytest.fixture
def example(git_repo):
    """example("NAME"): a copy of examples/NAME as a git repository of its own."""

    def make(name):
        tracked = subprocess.run(
            ["git", "ls-files", "-z", "--", "."], cwd=SOURCE / "examples" / name, capture_output=True, text=True, check=True
        ).stdout
        files = [entry for entry in tracked.split("\0") if entry]
        repository = git_repo({entry: (SOURCE / "examples" / name / entry).read_bytes() for entry in files}, commit=False)
        for entry in files:
            (repository.path / entry).chmod((SOURCE / "examples" / name / entry).stat().st_mode)
        repository.commit("first")
        return repository

    return make


def descendants():
    """(pid, command line) of the living processes under this one; empty where /proc is missing."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(entry.name)] = int(parent)
        except (OSError, ValueError):
            continue
    found = {os.getpid()}
    grown = True
    while grown:
        grown = {pid for pid, parent in parents.items() if parent in found and pid not in found}
        found |= grown
    lines = []
    for pid in sorted(found - {os.getpid()}):
        try:
            lines.append((pid, Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")))
        except OSError:
            continue
    return lines


@pytest.fixture(scope="session", autouse=True)
def orphans_come_here():
    if sys.platform == "linux":
        pr_set_child_subreaper = 36
        ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


@pytest.fixture(autouse=True)
def no_process_left(orphans_come_here):
    """Fails a test that leaves a process behind, whatever it is called and whoever its parent was."""
    yield
    deadline = time.monotonic() + 5
    while (left := descendants()) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid, _ in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"processes left behind: {left}"
