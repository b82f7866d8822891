"""jarvis2 audit: findings, baselines, SARIF, exit status."""

CODE = {"src/a.py": "def f(xs):\n    return sorted(xs)[0]\n", "src/b.c": "int f(int x) { return x; }\n"}


def test_findings_have_places_and_the_status_says_so(jarvis2, git_repo):
    repo = git_repo(CODE)
    found = jarvis2("audit", repo, "--json", expect=1).json["findings"]
    one = next(f for f in found if f["rule"] == "python/sorted-first-to-min")
    assert (one["path"], one["line"], one["column"], one["severity"]) == ("src/a.py", 2, 12, "performance")
    assert one["fingerprint"] and one["message"]
    text = jarvis2("audit", repo, expect=1)
    assert "src/a.py:2:12: performance:" in text.stdout


def test_a_baseline_leaves_only_what_is_new(jarvis2, git_repo, tmp_path):
    repo = git_repo(CODE)
    for form in ("--json", "--sarif"):
        known = tmp_path / f"known{form}"
        known.write_text(jarvis2("audit", repo, form, expect=1).stdout)
        jarvis2("audit", repo, "--baseline", known, expect=0)
    # Moved lines are not new; another place is.
    file = repo.path / "src/a.py"
    file.write_text("# moved\n\n" + file.read_text())
    jarvis2("audit", repo, "--baseline", known, expect=0)
    file.write_text(file.read_text() + "def g(ys):\n    return sorted(ys)[0]\n")
    new = jarvis2("audit", repo, "--baseline", known, "--json", expect=1).json["findings"]
    assert [f["line"] for f in new] == [6]


def test_sarif_names_rules_and_places(jarvis2, git_repo):
    sarif = jarvis2("audit", git_repo(CODE), "--sarif", expect=1).json
    assert sarif["version"] == "2.1.0"
    run = sarif["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] >= 1


def test_rules_narrow_and_nothing_found_is_success(jarvis2, git_repo):
    repo = git_repo(CODE)
    jarvis2("audit", repo, "--rules", "cpp/*", expect=0)
    only = jarvis2("audit", repo, "--rules", "python/sorted-first-to-min", "--json", expect=1).json["findings"]
    assert {f["rule"] for f in only} == {"python/sorted-first-to-min"}


def test_errors_are_one_line_and_status_two(jarvis2, git_repo, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    assert jarvis2("audit", outside, expect=2).stderr.count("\n") == 1
    bad = tmp_path / "bad.json"
    bad.write_text("[]")
    assert "bad.json" in jarvis2("audit", git_repo(CODE), "--baseline", bad, expect=2).stderr
    rules = tmp_path / "rules" / "python"
    rules.mkdir(parents=True)
    (rules / "r.yaml").write_text("id: r\nwhat: 1\n")
    broken = jarvis2("audit", git_repo({"a.py": "x = 1\n"}), env={"JARVIS2_RULES": str(rules.parent)}, expect=2)
    assert "r.yaml:2: unknown key `what`" in broken.stderr
