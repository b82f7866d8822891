"""jarvis2 init: what it finds and writes."""

import tomllib

import pytest

PYTHON_PROJECT = {
    "app.py": "def work(n):\n    return sum(i * i for i in range(n))\n",
    "tests/__init__.py": "",
    "tests/test_app.py": """
        import unittest
        from app import work

        class Quick(unittest.TestCase):
            def test_small(self):
                self.assertEqual(work(3), 5)

        class Slow(unittest.TestCase):
            def test_large(self):
                self.assertGreater(work(2000000), 0)
        """,
}


def settings(repository):
    return tomllib.loads((repository.path / "jarvis2.toml").read_text())


def test_writes_a_commented_file_and_says_what_is_next(jarvis2, git_repo):
    repository = git_repo({**PYTHON_PROJECT, "bench.py": "from app import work\nprint(work(100))\n"})
    result = jarvis2("init", repository, expect=0)
    assert result.stdout.strip() == str(repository.path / "jarvis2.toml")
    assert "jarvis2 improve" in result.stderr
    written = settings(repository)
    assert written["project"]["bench"] == "python3 bench.py"
    assert written["project"]["test"] == "python3 -m unittest discover -s tests -t ."
    assert "min_effect" not in written["objective"]  # the default depends on what the build links
    assert "\n# " in (repository.path / "jarvis2.toml").read_text()
    assert repository.git("status", "--porcelain") == "?? jarvis2.toml\n"


def test_does_not_overwrite_without_force(jarvis2, git_repo):
    repository = git_repo({**PYTHON_PROJECT, "jarvis2.toml": "# mine\n"})
    result = jarvis2("init", repository, expect=2)
    assert "--force" in result.stderr
    assert (repository.path / "jarvis2.toml").read_text() == "# mine\n"
    jarvis2("init", repository, "--force", expect=0)
    assert (repository.path / "jarvis2.toml").read_text() != "# mine\n"


def test_without_a_benchmark_the_slowest_test_is_a_marked_candidate(jarvis2, git_repo):
    repository = git_repo(PYTHON_PROJECT)
    before = repository.contents()
    result = jarvis2("init", repository, "--json", expect=0)
    assert result.json["bench_is_candidate"] is True
    assert result.json["complete"] is False
    assert result.json["bench"] == ["python3 -m unittest -q tests.test_app.Slow 2> /dev/null"]
    text = (repository.path / "jarvis2.toml").read_text()
    assert "# CANDIDATE: the tests of tests.test_app.Slow" in text
    after = repository.contents()
    after.pop("jarvis2.toml")
    assert after == before
    assert repository.git("worktree", "list").count("\n") == 1


@pytest.mark.parametrize(
    "name, test, bench",
    [
        ("python-logstats", "python3 -m unittest discover -s tests -t .", "python3 bench/bench.py"),
        ("c-textindex", "make test", "build/bench"),
        ("cpp-router", "ctest --test-dir build --output-on-failure", "build/router_bench"),
    ],
)
def test_finds_the_examples(jarvis2, example, name, test, bench):
    repository = example(name)
    result = jarvis2("init", repository, "--force", "--json", expect=0)
    assert (result.json["test"], result.json["bench"]) == (test, [bench])


def test_from_a_folder_below_the_root(jarvis2, git_repo):
    repository = git_repo({**PYTHON_PROJECT, "bench.py": "print(1)\n"})
    jarvis2("init", repository.path / "tests", expect=0)
    assert (repository.path / "jarvis2.toml").exists()


def test_nothing_to_find(jarvis2, git_repo, tmp_path):
    repository = git_repo({"README": "hello"})
    result = jarvis2("init", repository, expect=1)
    assert "by hand" in result.stderr
    result = jarvis2("init", tmp_path / "missing", expect=2)
    assert len(result.stderr.splitlines()) == 1
