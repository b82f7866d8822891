"""The meta system from outside: watch, status, stop, storms, kills, and one improvement from commit to taking it back."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

CYCLES = int(os.environ.get("JARVIS2_KILLS", "12"))  # 200 in the stress mode

SMALL = {"a.py": "def f(xs):\n    return len(xs)\n", "sub/b.py": "def g():\n    return 1\n", ".gitignore": "build/\n*.log\n"}


@pytest.fixture
def watch(jarvis2, git_repo):
    """watch(repository, ...): a detached daemon; every one is stopped when the test ends."""
    started = []

    def call(repository, *args):
        done = jarvis2("watch", repository, "--detach", "--json", *args, expect=0)
        started.append(repository)
        return done.json["pid"]

    yield call
    for repository in started:
        if Path(repository.path).exists():
            jarvis2("stop", repository)


def status(jarvis2, repository):
    return jarvis2("status", repository, "--json", expect=0).json


def wait_for(condition, seconds=300):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)
    return value


def log_of(repository):
    return "".join(path.read_text(errors="replace") for path in sorted(Path(repository.path).glob(".jarvis2/meta/meta*.log")))


def observed(jarvis2, repository, count):
    return wait_for(lambda: (now := status(jarvis2, repository))["observations"] >= count and now)


def known_files(repository):
    with sqlite3.connect(f"file:{repository.path}/.jarvis2/meta.sqlite?mode=ro", uri=True) as store:
        return {row[0] for row in store.execute("SELECT path FROM file")}


def consistent(repository):
    with sqlite3.connect(repository.path / ".jarvis2/meta.sqlite") as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert store.execute("SELECT count(*) FROM change WHERE observation NOT IN (SELECT id FROM observation)").fetchone() == (0,)
        assert store.execute("SELECT count(*) FROM finding WHERE path NOT IN (SELECT path FROM file)").fetchone() == (0,)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return Path("/proc").exists() is False


def reap(pid):
    """Daemons end as orphans of ours."""
    wait_for(lambda: not alive(pid), 20)
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass


def test_watches_tells_and_stops(jarvis2, git_repo, watch):
    repository = git_repo(SMALL)
    before = repository.contents()
    pid = watch(repository, "--observe-only")
    now = observed(jarvis2, repository, 1)
    assert now["running"] and now["pid"] == pid
    assert {"server", "watcher", "auditor"} <= {one["name"] for one in now["components"]}
    assert all({"name", "state", "last_run"} <= one.keys() for one in now["components"])
    assert now["plans"] == []
    repository.write({"a.py": "def f(xs):\n    n = len(xs)\n    return n\n"})
    now = observed(jarvis2, repository, 2)
    assert now["recent"][0]["cause"] == "edit"
    assert now["recent"][0]["symbols"] == 1
    repository.commit()
    assert observed(jarvis2, repository, 3)["recent"][0]["cause"] == "commit"
    again = jarvis2("watch", repository, "--detach")
    assert again.returncode == 2 and "watched already" in again.stderr
    jarvis2("stop", repository, expect=0)
    reap(pid)
    now = status(jarvis2, repository)
    assert not now["running"] and now["observations"] == 3
    assert {one["state"] for one in now["components"]} == {"stopped"}
    assert jarvis2("stop", repository).returncode == 1
    assert {path: data for path, data in repository.contents().items() if path != "a.py"} == {
        path: data for path, data in before.items() if path != "a.py"
    }
    assert "started: " in log_of(repository)


def test_foreground_ends_with_ctrl_c(jarvis2, jarvis2_started, git_repo):
    repository = git_repo(SMALL)
    process = jarvis2_started("watch", repository, "--observe-only")
    observed(jarvis2, repository, 1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    assert not status(jarvis2, repository)["running"]


def test_what_happened_while_nobody_watched(jarvis2, git_repo, watch):
    repository = git_repo(SMALL)
    reap_pid = watch(repository, "--observe-only")
    observed(jarvis2, repository, 1)
    jarvis2("stop", repository, expect=0)
    reap(reap_pid)
    repository.write({"c.py": "def h():\n    pass\n"})
    (repository.path / "sub/b.py").unlink()
    watch(repository, "--observe-only")
    now = observed(jarvis2, repository, 2)
    assert now["recent"][0]["files"] == 2
    assert known_files(repository) == {"a.py", "c.py"}


def test_branch_switch_of_10000_files_is_one_observation(jarvis2, git_repo, watch):
    repository = git_repo(SMALL)
    repository.git("checkout", "-q", "-b", "many")
    repository.write({f"many/d{i % 100}/f{i}.py": f"def f{i}():\n    return {i}\n" for i in range(10000)})
    repository.commit("many")
    repository.git("checkout", "-q", "main")
    watch(repository, "--observe-only")
    observed(jarvis2, repository, 1)
    repository.git("checkout", "-q", "many")
    now = observed(jarvis2, repository, 2)
    wait_for(lambda: len(known_files(repository)) == 10002)
    now = wait_for(lambda: (now := status(jarvis2, repository))["recent"][0]["files"] == 10000 and now)
    time.sleep(1)
    assert status(jarvis2, repository)["observations"] == 2, now["recent"]
    consistent(repository)


def test_storm_leaves_nothing_out(jarvis2, git_repo, watch):
    repository = git_repo(SMALL)
    pid = watch(repository, "--observe-only")
    observed(jarvis2, repository, 1)

    def memory():
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 if Path("/proc/self/statm").exists() else 0

    before = memory()
    folder = repository.path / "storm"
    folder.mkdir()
    end = time.monotonic() + 3
    number = 0
    while time.monotonic() < end:
        for _ in range(100):
            (folder / f"f{number % 500}.py").write_text(f"def f():\n    return {number}\n")
            number += 1
        time.sleep(0.08)
    want = {"a.py", "sub/b.py"} | {f"storm/f{i}.py" for i in range(min(500, number))}
    wait_for(lambda: known_files(repository) == want)
    shutil.rmtree(folder)
    wait_for(lambda: known_files(repository) == {"a.py", "sub/b.py"})
    assert memory() - before < 100 << 20
    consistent(repository)


def test_deleted_root_ends_it(jarvis2, git_repo, watch):
    repository = git_repo(SMALL)
    pid = watch(repository, "--observe-only")
    observed(jarvis2, repository, 1)
    shutil.rmtree(repository.path)
    reap(pid)


def test_worktrees_are_watched_by_themselves(jarvis2, git_repo, watch, tmp_path, environment):
    repository = git_repo(SMALL)
    tree = type(repository)(tmp_path / "tree", environment)
    repository.git("worktree", "add", "-q", "-b", "side", str(tree.path))
    watch(repository, "--observe-only")
    watch(tree, "--observe-only")
    observed(jarvis2, repository, 1)
    observed(jarvis2, tree, 1)
    tree.write({"a.py": "def f(xs):\n    return 2\n"})
    tree.commit()
    observed(jarvis2, tree, 2)
    assert status(jarvis2, repository)["observations"] == 1


def test_full_disk(jarvis2, git_repo, watch, tmp_path, environment):
    place = tmp_path / "small"
    place.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", place], capture_output=True).returncode:
        pytest.skip("no tmpfs may be mounted")
    pid = None
    try:
        path = place / "repository"
        path.mkdir()
        repository = type(git_repo())(path, environment)
        repository.git("init", "-q", "-b", "main")
        repository.write(SMALL)
        repository.commit()
        pid = watch(repository, "--observe-only")
        observed(jarvis2, repository, 1)
        fill = os.open(place / "fill", os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):
            while True:
                os.write(fill, b"x" * 4096)
        os.close(fill)
        (path / "a.py").write_bytes(b"")
        time.sleep(2)
        assert alive(pid)
        assert status(jarvis2, repository)["running"]
        (place / "fill").unlink()
        repository.write({"c.py": "def later():\n    return 3\n"})
        wait_for(lambda: known_files(repository) == {"a.py", "sub/b.py", "c.py"})
        consistent(repository)
        jarvis2("stop", repository, expect=0)
        reap(pid)
    finally:
        if pid and alive(pid):
            os.kill(pid, signal.SIGKILL)
        subprocess.run(["umount", "-l", place], check=False)


def test_killed_at_any_moment(jarvis2, git_repo, watch):
    repository = git_repo({**SMALL, **{f"m{i}.py": f"def f{i}(xs):\n    return sorted(xs)[0]\n" for i in range(40)}})
    last = 0
    for cycle in range(CYCLES):
        pid = watch(repository, "--max-load", "2", "--on-battery")
        repository.write({f"m{cycle % 40}.py": f"def f{cycle}(xs):\n    return sorted(xs)[{cycle + 1}]\n"})
        if cycle % 3 == 0:
            repository.commit()
        time.sleep((cycle * 37 % 100) / 100)
        os.kill(pid, signal.SIGKILL)
        reap(pid)
        now = status(jarvis2, repository)
        assert not now["running"]
        assert now["observations"] >= last
        last = now["observations"]
        consistent(repository)
    watch(repository, "--observe-only")
    wait_for(lambda: len(known_files(repository)) == 42)
    repository.write({"m0.py": "def done():\n    pass\n"})
    observed(jarvis2, repository, status(jarvis2, repository)["observations"])


FAST = """
    def key(n):
        return n % 97

    def work(n):
        total = 0
        for i in range(n):
            total += key(i)
        return total
    """
SLOW = """
    def key(n):
        values = []
        for i in range(n % 97 + 40):
            values.append((i * 7919) % 1009)
        return sorted(values)[0] + sorted(values)[-1]

    def work(n):
        total = 0
        for i in range(n):
            total += key(i)
        return total
    """
PROJECT = {
    "app.py": FAST,
    "other.py": "def spin(n):\n    x = 1\n    for i in range(n):\n        x = (x * 31 + i) % 1000003\n    return x\n",
    "bench.py": "import app\nprint(app.work(6000))\n",
    "tests/__init__.py": "",
    "tests/test_app.py": """
        import unittest
        import app

        class Test(unittest.TestCase):
            def test_key(self):
                self.assertEqual([app.key(n) == app.key(n) for n in range(200)], [True] * 200)
                self.assertEqual(app.work(50), sum(app.key(n) for n in range(50)))
        """,
    "jarvis2.toml": '[project]\ntest = "python3 -m unittest discover -s tests -t ."\nbench = "python3 bench.py"\nedit = ["app.py"]\n',
}


def test_from_a_slow_commit_to_taking_it_back(jarvis2, git_repo, watch):
    repository = git_repo(PROJECT)
    pid = watch(repository, "--auto-apply", "0.95", "--budget", "25s", "--check-budget", "60s", "--max-load", "2", "--on-battery")
    observed(jarvis2, repository, 1)
    repository.write({"app.py": SLOW})
    slow = repository.commit("slow")
    plan = wait_for(
        lambda: next((p for p in status(jarvis2, repository)["plans"] if p["kind"] == "improve" and p["state"] == "applied"), None), 400
    )
    assert plan["commit"] == slow and plan["speedup"] > 1.02 and plan["branch"].startswith("jarvis2/")
    assert plan["run"] in jarvis2("log", "-C", repository, expect=0).stdout
    improved = (repository.path / "app.py").read_bytes()
    assert improved != repository.git("show", "HEAD:app.py").encode()
    assert repository.git("show", f"{plan['branch']}:app.py").encode() == improved
    repository.commit("take the proposal")
    # The benchmark no longer runs what was made faster.
    repository.write({"bench.py": "import other\nprint(other.spin(900000))\n"})
    repository.commit("another benchmark")
    check = wait_for(
        lambda: next((p for p in status(jarvis2, repository)["plans"] if p["kind"] == "check" and p["state"] in ("taken back", "holds", "nothing", "failed")), None), 400
    )
    assert check["state"] == "taken back", check
    assert (repository.path / "app.py").read_bytes() == repository.git("show", f"{slow}:app.py").encode()
    now = status(jarvis2, repository)
    assert now["contributions"][0]["state"] == "taken back"
    text = log_of(repository)
    for line in ("observation", "expected gain", "proposed", "was applied", "in doubt", "taken back"):
        assert line in text, text
    jarvis2("stop", repository, expect=0)
    reap(pid)


def test_stop_ends_a_running_improvement(jarvis2, git_repo, watch):
    repository = git_repo({**PROJECT, "app.py": SLOW, "tests/test_app.py": "import time\ntime.sleep(60)\n"})
    pid = watch(repository, "--budget", "60s", "--max-load", "2", "--on-battery")
    wait_for(lambda: any(p["state"] == "running" for p in status(jarvis2, repository)["plans"]))
    jarvis2("stop", repository, expect=0)
    reap(pid)
    plan = status(jarvis2, repository)["plans"][0]
    assert plan["state"] == "waiting" and plan["reason"] == "interrupted"


def test_service_is_written(jarvis2, git_repo, environment):
    repository = git_repo(SMALL)
    done = jarvis2("watch", repository, "--install-service", "--json", env={"XDG_CONFIG_HOME": environment["HOME"] + "/config"}, expect=0)
    text = Path(done.json["file"]).read_text()
    assert str(repository.path) in text and "watch" in text
    assert json.loads(done.stdout)["enable"]
