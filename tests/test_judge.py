"""`verify --patch` sees more than the tests: generated inputs, coverage of the changed lines, small faults."""

import difflib

PROJECT = {
    "stats.py": """
        def running(values: list[int]) -> list[int]:
            out = []
            for i in range(len(values)):
                total = 0
                for value in values[max(0, i - 60) : i + 1]:
                    total += value
                out.append(total)
            return out
        """,
    "bench/run.py": """
        import sys

        sys.path.insert(0, ".")
        from stats import running

        values = [i * i % 97 for i in range(40000)]
        print(sum(running(values)))
        """,
    "tests/__init__.py": "",
    "tests/test_stats.py": """
        import unittest

        from stats import running

        class Running(unittest.TestCase):
            def test_sums(self):
                self.assertEqual(running([1, 2, 3]), [1, 3, 6])
        """,
    "jarvis2.toml": """
        [project]
        test = "python3 -m unittest -q tests.test_stats"
        bench = "python3 bench/run.py"
        """,
}
SLIDING = """
def running(values: list[int]) -> list[int]:
    out = []
    total = 0
    for i, value in enumerate(values):
        total += VALUE
        if i > 60:
            total -= values[i - 61]
        out.append(total)
    return out
""".lstrip()


def verify(jarvis2, repository, tmp_path, text):
    before = (repository.path / "stats.py").read_text()
    patch = tmp_path / "change.patch"
    patch.write_text("".join(difflib.unified_diff(before.splitlines(True), text.splitlines(True), "a/stats.py", "b/stats.py")))
    return jarvis2("verify", "--patch", patch, repository, "--json", "--budget", "60s", "--seed", "3")


def test_an_honest_patch_is_faster_and_what_was_checked_is_shown(jarvis2, git_repo, tmp_path):
    done = verify(jarvis2, git_repo(PROJECT), tmp_path, SLIDING.replace("VALUE", "value"))
    assert done.json["verdict"] == "faster", done.json["reason"]
    assert done.json["generated"]["functions"] == ["stats.py::running"]
    assert done.json["generated"]["inputs"] > 20
    strength = done.json["strength"]
    assert strength["coverage_tool"].startswith("coverage.py")
    # `total -= ...` needs more than 60 values: the test never gets there.
    assert strength["covered_lines"] == strength["changed_lines"] - 1 > 3
    assert strength["mutants"] >= 3 and not strength["weakly_checked"]


def test_a_difference_that_no_test_sees_is_found(jarvis2, git_repo, tmp_path):
    done = verify(jarvis2, git_repo(PROJECT), tmp_path, SLIDING.replace("VALUE", "abs(value)"))
    assert (done.json["verdict"], done.json["stage"], done.returncode) == ("rejected", "output", 1)
    assert "running(values=[" in done.json["reason"] and "returned" in done.json["reason"]


def test_byte_code_gives_no_advantage(jarvis2, git_repo, tmp_path):
    # A module that takes long to compile and nothing to run: a comment in it changes nothing.
    functions = "".join(f"def f{i}(a, b):\n    return [a * {i} + b for a in (b, {i})]\n" for i in range(2000))
    slow = "def running(values):\n    return values\n" + functions
    repository = git_repo(
        {
            **PROJECT,
            "stats.py": slow,
            "tests/test_stats.py": "import stats\n",
            "bench/run.py": """
                import sys

                sys.path.insert(0, ".")
                import stats

                print(sum(i * i for i in range(400000)))
                """,
        }
    )
    done = verify(jarvis2, repository, tmp_path, slow + "# a comment\n")
    assert done.json["verdict"] in ("not faster", "undecided"), done.json["reason"]
