"""The main job on two tiny projects: what comes out holds, and only `apply` changes the tree."""

import json
import shutil

import pytest

VERDICTS = {"faster": 0, "not faster": 1, "nothing found": 1, "slower": 1, "undecided": 3}

# Copying the list for each element is quadratic: the benchmark spends nine tenths of its time there.
PYTHON = {
    "keep.py": """
        def positive(values):
            out = []
            for value in values:
                if value > 0:
                    out = out + [value]
            return out


        def total(values):
            result = 0
            for value in values:
                result += value
            return result
        """,
    "other.py": """
        def greeting(name):
            text = "Hello, {}".format(name)
            return text
        """,
    "bench.py": """
        import sys

        import keep

        n = int(sys.argv[1])
        kept = keep.positive([(i * 7919) % 10007 + 1 for i in range(n)])
        print(len(kept), keep.total(kept))
        """,
    "tests/__init__.py": "",
    "tests/test_keep.py": """
        import unittest

        import keep


        class Keep(unittest.TestCase):
            def test_order_and_sign(self):
                self.assertEqual(keep.positive([3, -1, 0, 2, 3]), [3, 2, 3])
                self.assertEqual(keep.total([1, 2]), 3)
        """,
    "jarvis2.toml": """
        [project]
        test = "python3 -m unittest discover -s tests -t ."
        bench = "python3 bench.py 14000"
        holdout = ["python3 bench.py 13000"]
        edit = ["*.py"]
        """,
}

C = {
    "count.c": r"""
        #include <math.h>
        #include <string.h>

        double score(const char *text, double weight) {
            double sum = 0;
            for (size_t i = 0; i < strlen(text); i++) {
                sum += pow(weight, 2.0) * (text[i] == 'e' ? 1.0 : 0.25);
            }
            return sum;
        }
        """,
    "main.c": r"""
        #include <stdio.h>
        #include <stdlib.h>

        double score(const char *text, double weight);

        int main(int argc, char **argv) {
            int rounds = argc > 1 ? atoi(argv[1]) : 1;
            char text[20001];
            double sum = 0;
            for (int i = 0; i < 20000; i++) text[i] = (char)('a' + (i * 7) % 26);
            text[20000] = 0;
            for (int round = 0; round < rounds; round++) {
                text[round % 20000] = 'e';
                sum += score(text, 1.0 + round);
            }
            printf("%.6f\n", sum);
            return sum > 0 ? 0 : 1;
        }
        """,
    "Makefile": (
        "CFLAGS = -O2\n"
        "program: main.c count.c\n\t$(CC) $(CFLAGS) -o $@ main.c count.c -lm\n"
        "test: program\n\t./program 3 | grep -q .\n"
    ),
    ".gitignore": "program\n",
    "jarvis2.toml": """
        [project]
        build = "make program"
        test = "make test"
        bench = "./program 15000"
        edit = ["*.c"]
        """,
}


def catalogue(result):
    return {(action["rule"], action["path"], action["line"]) for action in result.json["actions"] if action.get("path")}


def paths(result):
    return {action["path"] for action in result.json["actions"] if action.get("path")}


def check_contract(result):
    """The keys that others rely on, and a status that says what the verdict says."""
    found = result.json
    assert VERDICTS[found["verdict"]] == result.returncode
    for key in ("id", "baseline", "actions", "patch", "recommendations", "zones", "candidates", "archive"):
        assert key in found, key
    assert {"simulations", "seconds", "verifications"} <= found["search"].keys()
    for action in found["actions"]:
        assert {"kind", "rule", "path", "line"} <= action.keys()
    for candidate in found["candidates"]:
        assert {"verdict", "stage", "reason"} <= candidate.keys()
    if found["verdict"] == "faster":
        assert {"estimate", "low", "high", "confidence"} <= found["speedup"].keys()
        assert found["actions"] and found["patch"].startswith("diff --git ")
    return found


def test_dry_run_lists_and_narrows(jarvis2, git_repo):
    repository = git_repo(PYTHON)
    before = repository.contents()
    everything = jarvis2("improve", repository, "--dry-run", "--json", expect=0)
    assert {"keep.py", "other.py"} <= paths(everything)
    assert any(rule == "python/list-concat-to-append" for rule, _, _ in catalogue(everything))

    assert paths(jarvis2("improve", repository, "--dry-run", "--json", "--paths", "other.py", expect=0)) == {"other.py"}
    assert paths(jarvis2("improve", "keep.py", "--dry-run", "--json", cwd=repository, expect=0)) == {"keep.py"}
    one = jarvis2("improve", "keep.py::positive", "--dry-run", "--json", cwd=repository, expect=0)
    assert {line for _, _, line in catalogue(one)} <= set(range(1, 7))
    assert any(rule == "python/list-concat-to-append" for rule, _, _ in catalogue(one))
    assert jarvis2("improve", repository, "--dry-run", "--json", "--kinds", "constant", expect=1).json["actions"] == []
    safe = jarvis2("improve", repository, "--dry-run", "--json", "--safe-only")
    assert catalogue(safe) < catalogue(everything)
    assert "python/list-concat-to-append" not in {rule for rule, _, _ in catalogue(safe)}

    repository.write({"other.py": PYTHON["other.py"] + "\n"})
    repository.commit()
    assert paths(jarvis2("improve", repository, "--dry-run", "--json", "--since", "HEAD~1", expect=0)) == {"other.py"}
    repository.write({"other.py": PYTHON["other.py"]})
    repository.commit()
    assert repository.contents() == before
    assert jarvis2("log", "--json", cwd=repository, expect=0).json == {"runs": []}


def test_python_from_improve_to_undo(jarvis2, git_repo, tmp_path):
    repository = git_repo(PYTHON)
    before = repository.contents()
    arguments = ["improve", repository, "--json", "--kinds", "rewrite", "--budget", "30s", "--verifications", "3"]
    result = jarvis2(*arguments, "--paths", "keep.py", expect=0)
    found = check_contract(result)
    assert repository.contents() == before, "only apply changes the tree"
    assert {action["path"] for action in found["actions"]} == {"keep.py"}
    assert found["speedup"]["low"] > 1.5, "quadratic became linear"
    folder = repository.path / ".jarvis2" / "runs" / found["id"]
    assert (folder / "champion.patch").read_text() == found["patch"]
    assert json.loads((folder / "result.json").read_text())["id"] == found["id"]
    assert "<html" in (folder / "report.html").read_text()
    repository.git("apply", "--check", str(folder / "champion.patch"))

    shown = jarvis2("show", "--json", cwd=repository, expect=0).json
    assert shown["id"] == found["id"] and shown["patch"] == found["patch"]
    assert jarvis2("apply", found["id"], "--json", cwd=repository, expect=0).json["files"] == ["keep.py"]
    assert "out + [value]" not in (repository.path / "keep.py").read_text()
    copy = tmp_path / "by-git"
    shutil.copytree(repository.path, copy, ignore=shutil.ignore_patterns(".jarvis2", "keep.py"))
    (copy / "keep.py").write_bytes(before["keep.py"][1])
    patched = type(repository)(copy, repository.environment)
    patched.git("apply", str(folder / "champion.patch"))
    assert (copy / "keep.py").read_bytes() == (repository.path / "keep.py").read_bytes(), "apply and git apply agree"
    assert jarvis2("apply", cwd=repository).returncode == 2, "twice"
    jarvis2("undo", cwd=repository, expect=0)
    assert repository.contents() == before
    assert [run["id"] for run in jarvis2("log", "--json", cwd=repository, expect=0).json["runs"]] == [found["id"]]


def test_c_with_make(jarvis2, git_repo):
    if not shutil.which("make"):
        pytest.skip("no make")
    repository = git_repo(C)
    before = repository.contents()
    found = check_contract(
        jarvis2("improve", repository, "--json", "--kinds", "rewrite", "--budget", "20s", "--verifications", "2")
    )
    assert repository.contents() == before
    assert found["baseline"]["commit"] == repository.git("rev-parse", "HEAD").strip()
    if found["patch"]:
        patch = repository.path / ".jarvis2" / "runs" / found["id"] / "champion.patch"
        repository.git("apply", "--check", str(patch))
    if found["verdict"] == "faster":
        jarvis2("apply", cwd=repository, expect=0)
        assert repository.contents() != before
        jarvis2("undo", cwd=repository, expect=0)
        assert repository.contents() == before
