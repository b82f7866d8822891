"""`jarvis2 bench NAME`: starts bench/NAME/run or bench_NAME, passes arguments on, and checks what comes back."""

import os


def data(tmp_path, name, script):
    """A folder of shipped data with one benchmark."""
    (tmp_path / "rules").mkdir(exist_ok=True)
    folder = tmp_path / "bench" / name
    folder.mkdir(parents=True)
    if script is not None:
        run = folder / "run"
        run.write_text("#!/bin/sh\n" + script)
        run.chmod(0o755)
    return {"JARVIS2_DATA": str(tmp_path)}


def test_results_are_passed_on(jarvis2, tmp_path):
    env = data(tmp_path, "parse", 'echo "progress" >&2; printf \'{"results": [{"name": "%s", "unit": "ms", "ours": 2, "peers": '
               '[{"name": "them", "value": 4, "ratio": 2}]}], "binary": "%s"}\' "$*" "$JARVIS2_BIN"')
    done = jarvis2("bench", "parse", "--json", "--", "--rounds", "3", env=env, expect=0)
    assert done.json["results"][0]["name"] == "--rounds 3 --json"
    assert os.access(done.json["binary"], os.X_OK)
    assert "progress" in done.stderr
    text = jarvis2("bench", "parse", env=env, expect=0).stdout
    assert "2 ms" in text and "them: 4 (ratio 2)" in text


def test_absent_and_unknown_benchmarks_say_so_in_one_line(jarvis2, tmp_path):
    env = data(tmp_path, "embed", None)
    for name in ("embed", "nonsense"):
        done = jarvis2("bench", name, env=env, expect=2)
        assert name in done.stderr and done.stderr.count("\n") == 1 and done.stdout == ""


def test_a_benchmark_that_fails_is_an_error(jarvis2, tmp_path):
    env = data(tmp_path, "parse", "echo broken >&2; exit 3")
    done = jarvis2("bench", "parse", env=env, expect=2)
    assert "broken" in done.stderr and "status 3" in done.stderr
