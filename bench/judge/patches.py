"""`jarvis2 verify --patch` on 20 patches of known effect: speed-ups of 5 to 50 %, no-ops, slow-downs, broken ones."""

import concurrent.futures
import difflib
import json
import os
import pathlib
import queue
import subprocess
import sys
import tempfile

TURNS = 100  # rounds of the base commit: a round less is one hundredth of the work

SERIES = '''\
"""Checksums of a series."""

ROUNDS = 100


def mix(value, rounds):
    for _ in range(rounds):
        value = (value * 1103515245 + 12345) & 0x7FFFFFFF
    return value


def total(values):
    result = 0
    for value in values:
        mix(value, ROUNDS)
        result += value % 1000
    return result
'''
FILES = {
    "series.py": SERIES,
    "bench/run.py": 'import sys\n\nsys.path.insert(0, ".")\nfrom series import total\n\n'
                    "print(total([i * i % 9973 for i in range(80000)]))\n",
    "tests/__init__.py": "",
    "tests/test_series.py": "import unittest\n\nfrom series import mix, total\n\n\nclass Series(unittest.TestCase):\n"
                            "    def test_mix(self):\n        self.assertEqual(mix(1, 2), 377401575)\n\n"
                            "    def test_total(self):\n        self.assertEqual(total([1, 2, 1003]), 6)\n",
    "jarvis2.toml": '[project]\ntest = "python3 -m unittest -q tests.test_series"\nbench = "python3 bench/run.py"\n',
}


def with_speed(percent):
    """The same answers, `percent` faster in the part that counts (negative: slower)."""
    return SERIES.replace("ROUNDS = 100", f"ROUNDS = {round(TURNS / (1 + percent / 100))}")


def cases():
    """(what, the truth, text)"""
    found = [(f"{percent} % faster", "faster", with_speed(percent)) for percent in (5, 6, 8, 10, 12, 15, 20, 30, 40, 50)]
    found += [(f"{-percent} % slower", "slower", with_speed(percent)) for percent in (-5, -10, -25)]
    found += [
        ("a comment", "equal", SERIES + "# the end\n"),
        ("a local renamed", "equal", SERIES.replace("result", "answer")),
        ("a docstring", "equal", SERIES.replace("def total(values):\n", 'def total(values):\n    """Of all values."""\n')),
        ("functions in another order", "equal", SERIES[: SERIES.index("def mix")] + SERIES[SERIES.index("def total"):] + "\n\n" + SERIES[SERIES.index("def mix"): SERIES.index("def total")].rstrip("\n") + "\n"),
        ("fast and wrong", "broken", SERIES.replace("        mix(value, ROUNDS)\n", "").replace("% 1000", "% 999")),
        ("fast, wrong, and seen by no test", "broken", SERIES.replace("        mix(value, ROUNDS)\n", "").replace("    return result", "    return result if len(values) < 10 else result + 1")),
        ("does not run", "broken", SERIES.replace("return result", "return reslut")),
    ]
    return found


def verify(program, name, text, cpus):
    with tempfile.TemporaryDirectory(prefix="jarvis2-patches-") as folder:
        root = pathlib.Path(folder) / "project"
        environment = {**os.environ, "XDG_CACHE_HOME": os.path.join(folder, "cache"), "GIT_CONFIG_GLOBAL": os.devnull}
        deps = os.environ.get("JARVIS2_DEPS") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "jarvis2/deps")
        environment["JARVIS2_DEPS"] = deps
        for path, content in FILES.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(content)
        git = ["git", "-c", "user.name=Bench", "-c", "user.email=bench@example.invalid"]
        for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
            subprocess.run([*git, *arguments], cwd=root, env=environment, check=True)
        patch = pathlib.Path(folder) / "change.patch"
        patch.write_text("".join(difflib.unified_diff(SERIES.splitlines(True), text.splitlines(True), "a/series.py", "b/series.py")))
        argv = [str(program), "verify", "--patch", str(patch), str(root), "--json", "--budget", "60s", "--seed", "7", "--check-strength", "1s"]
        if cpus:
            argv = ["taskset", "-c", ",".join(map(str, cpus)), *argv]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True)
        if done.returncode not in (0, 1, 3):
            return {"verdict": "error", "reason": done.stderr.strip()}
        return json.loads(done.stdout)


def run(options, results, say):
    slots = queue.Queue()
    available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    for job in range(options.jobs):
        slots.put(available[job * options.cores_per_job:(job + 1) * options.cores_per_job])

    def one(case):
        cpus = slots.get()
        try:
            result = verify(options.program, case[0], case[2], cpus)
            speedup = result.get("speedup") or {}
            say(f"{case[0]} ({case[1]}): {result['verdict']} {speedup.get('estimate') or ''} {result['reason'][:120]}")
            return case, result
        finally:
            slots.put(cpus)

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        done = list(pool.map(one, cases()))
    verdicts = ["faster", "not faster", "slower", "undecided", "rejected", "error"]
    matrix = {}
    for (name, truth, _), result in done:
        matrix.setdefault(truth, dict.fromkeys(verdicts, 0))[result["verdict"]] += 1
    say("| truth | " + " | ".join(verdicts) + " |\n|---" * 1 + "|---" * len(verdicts) + "|")
    for truth, row in matrix.items():
        say(f"| {truth} | " + " | ".join(str(row[verdict]) for verdict in verdicts) + " |")
    right = {"faster": ("faster",), "equal": ("not faster", "undecided"), "slower": ("slower", "not faster"), "broken": ("rejected",)}
    for truth, row in matrix.items():
        results.append({"name": f"verify --patch: {truth} patches judged rightly", "unit": f"of {sum(row.values())}",
                        "ours": sum(row[verdict] for verdict in right[truth]), "verdicts": row, "peers": []})


if __name__ == "__main__":
    sys.exit("start it by: jarvis2 bench judge -- --patches")
