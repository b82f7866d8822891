"""What bench/real makes of the program's answers: which claims count as confirmed, and what the table says."""

import json
import sys
from pathlib import Path

import pytest

REAL = Path(__file__).resolve().parent.parent / "bench" / "real"
sys.path.insert(0, str(REAL))

import prepare  # noqa: E402
import run  # noqa: E402


def faster(name, kinds, **confirmation):
    return {
        "name": name,
        "language": "c",
        "verdict": "faster",
        "speedup": {"estimate": 1.2, "low": 1.1, "high": 1.3},
        "actions": [{"kind": kind, "rule": "option/o3" if kind == "option" else "c/hoist-invariant"} for kind in kinds],
        "confirmation": confirmation,
        "rules": {"c/hoist-invariant": 2},
    }


def test_wins_by_options_alone_are_listed_apart():
    both = faster("both", ["option", "rewrite"], confirmed=True, ratio=1.2, low=1.1, high=1.3)
    alone = faster("alone", ["option"], confirmed=True, ratio=1.2, low=1.1, high=1.3)
    summary = run.summary_of([both, alone])
    assert summary["by_options_alone"] == ["alone"]
    assert summary["two_or_more_actions"] == 1
    first, _, second = run.report([both, alone], "text").partition("Faster by build options alone:")
    assert "both" in first and "alone" not in first
    assert "alone" in second


def test_a_claim_that_fails_is_counted():
    results = [
        faster("good", ["rewrite"], confirmed=True, ratio=1.2, low=1.1, high=1.3),
        faster("open", ["rewrite"], confirmed=False, contradicted=False, ratio=1.0, low=0.9, high=1.1),
        faster("false", ["rewrite"], confirmed=False, contradicted=True, ratio=0.9, low=0.8, high=0.95),
        faster("broken", ["rewrite"], confirmed=False, error="prints something else than the original"),
    ]
    summary = run.summary_of(results)
    assert (summary["faster"], summary["confirmed"], summary["contradicted"]) == (4, 1, 2)
    assert "2 contradicted" in run.report(results, "markdown")


def test_rules_are_counted_over_programs():
    value = json.loads(run.report([faster("a", ["rewrite"]), faster("b", ["rewrite"])], "json"))
    assert value["rules"] == {"c/hoist-invariant": {"a": 2, "b": 2}}


def script(folder, text):
    folder.mkdir()
    (folder / "main.py").write_text(text)
    return folder


def test_own_measurement_finds_the_direction(tmp_path):
    slow = script(tmp_path / "slow", "print(sum(i * i for i in range(1200000)) and 1)")
    quick = script(tmp_path / "quick", "print(sum(i * i for i in range(300000)) and 1)")
    found = run.plain_pairs(slow, quick, ["python3 main.py"], 5, seed=3)["python3 main.py"]
    assert found["low"] > 1.0
    back = run.plain_pairs(quick, slow, ["python3 main.py"], 5, seed=3)["python3 main.py"]
    assert back["high"] < 1.0


def test_own_measurement_refuses_other_output(tmp_path):
    one, two = script(tmp_path / "one", "print(1)"), script(tmp_path / "two", "print(2)")
    with pytest.raises(prepare.Failed, match="something else"):
        run.plain_pairs(one, two, ["python3 main.py"], 2, seed=3)


def test_a_changed_archive_is_refused(tmp_path, monkeypatch):
    source = {"from": "pypi", "package": "p", "version": "1", "file": "p-1.tar.gz", "sha256": "0" * 64}

    def fetched(source, folder, dest):
        (folder / "p-1.tar.gz").write_bytes(b"not what was pinned")

    monkeypatch.setattr(prepare, "fetch_pypi", fetched)
    with pytest.raises(prepare.Failed, match="sha256"):
        prepare.fetch("p", source, tmp_path)
    assert not (tmp_path / ".archives" / "p-1.tar.gz").exists()


def test_every_program_has_its_files():
    programs = prepare.tomllib.loads((REAL / "programs.toml").read_text())
    for name, program in programs["program"].items():
        assert program["source"] in programs["source"]
        if program.get("only_rules"):
            continue
        assert {"jarvis2.toml", "cases.json"} <= {path.name for path in (REAL / name).iterdir()}
        assert all(case["output"] for case in json.loads((REAL / name / "cases.json").read_text()))
