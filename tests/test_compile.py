"""Compilation when asked for: types are observed, the module is built, the patch carries its build, and verify builds it too."""

import subprocess

MODEL = {
    "walk.py": """
        class Step:
            def __init__(self, length, following):
                self.length = length
                self.following = following


        class Walk:
            def __init__(self):
                self.first = None
                self.count = 0

            def add(self, length):
                self.first = Step(length, self.first)
                self.count += 1

            def total(self, times):
                result = 0
                for _ in range(times):
                    step = self.first
                    while step is not None:
                        if step.length % 3 == 1:
                            result += step.length * 2 - 1
                        else:
                            result = result ^ step.length
                        step = step.following
                return result
        """,
    "bench.py": """
        import sys

        import walk

        path = walk.Walk()
        for i in range(2000):
            path.add(i * 7 % 1009)
        print(path.count, path.total(int(sys.argv[1])))
        """,
    "tests/__init__.py": "",
    "tests/test_walk.py": """
        import unittest

        import walk


        class Walks(unittest.TestCase):
            def test_total(self):
                path = walk.Walk()
                self.assertEqual(path.total(1), 0)
                path.add(4)
                path.add(6)
                self.assertEqual(path.total(1), 6 + 7)
                self.assertEqual(path.count, 2)
        """,
    "jarvis2.toml": """
        [project]
        test = "python3 -m unittest discover -s tests -t ."
        bench = "python3 bench.py 900"
        holdout = ["python3 bench.py 800"]
        edit = ["walk.py"]
        """,
}


def test_compiles_and_carries_its_build(git_repo, jarvis2, tmp_path):
    repository = git_repo(MODEL).path
    done = jarvis2("improve", repository, "--json", "--kinds", "compile", "--budget", "100s", "--seed", "3", timeout=600)
    result = done.json
    assert result["verdict"] == "faster", (result["reason"], result["recommendations"], result["candidates"])
    assert [action["rule"] for action in result["actions"]] == ["compile/mypyc"]
    assert "setup_compiled.py" in result["patch"] and "following: Step | None" in result["patch"]
    patch = tmp_path / "champion.patch"
    patch.write_text(result["patch"])
    subprocess.run(["git", "-C", repository, "apply", "--check", patch], check=True)
    judged = jarvis2("verify", repository, "--patch", patch, "--json", "--gate", "no-slower=5%", "--budget", "20s", "--check-strength", "2s", timeout=300)
    assert judged.json["gate"]["passes"], judged.stdout
    assert judged.json["speedup"]["estimate"] > 1.3
    # A build script of another making is not run.
    patch.write_text(result["patch"].replace("def clean(here):", "def clean(here, there=None):"))
    refused = jarvis2("verify", repository, "--patch", patch, "--json", timeout=300)
    assert refused.json["stage"] == "apply" and "setup_compiled.py" in refused.json["reason"]


def test_is_not_done_unasked(git_repo, jarvis2):
    result = jarvis2("improve", git_repo(MODEL).path, "--dry-run", "--json").json
    assert all(action["kind"] != "compile" for action in result["actions"])


def test_says_why_a_script_cannot_be(git_repo, jarvis2):
    files = dict(MODEL)
    files["walk.py"] = files["walk.py"] + "\n\n        if __name__ == '__main__':\n            import sys\n            path = Walk()\n            for i in range(2000):\n                path.add(i * 7 % 1009)\n            print(path.total(int(sys.argv[1])))\n"
    files["jarvis2.toml"] = files["jarvis2.toml"].replace("bench.py 900", "walk.py 900").replace("bench.py 800", "walk.py 800")
    result = jarvis2("improve", git_repo(files).path, "--json", "--kinds", "compile", "--budget", "30s", timeout=300).json
    assert result["verdict"] == "not faster"
    assert any("run as a script" in one["title"] for one in result["recommendations"]), result["recommendations"]
