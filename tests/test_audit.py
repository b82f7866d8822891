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


def test_text_rules_see_every_language_and_comments_suppress(jarvis2, git_repo):
    repo = git_repo(
        {
            "a.go": "package a\n\n// TODO: more\nfunc f() int { return 1 }\n",
            "b.py": "p = '/home/ann/x/y'\nq = '/home/ann/x/y'  # jarvis2: ignore[hard-coded-home] the example's own\n",
            "c.py": "# jarvis2: ignore[text/*] generated\nq = '/home/ann/x/y'\nr = '/home/ann/x/y'  # jarvis2: ignore[text/*]\n",
        }
    )
    done = jarvis2("audit", repo, "--rules", "text/*", "--json", expect=1).json
    found = [(f["rule"], f["category"], f["path"], f["line"]) for f in done["findings"]]
    assert found == [
        ("text/todo-marker", "unfinished", "a.go", 3),
        ("text/hard-coded-home", "hard-coded", "b.py", 1),
        ("text/hard-coded-home", "hard-coded", "c.py", 3),
    ]
    assert done["suppressed"] == 2
    sarif = jarvis2("audit", repo, "--rules", "hard-coded", "--sarif", expect=1).json["runs"][0]["results"]
    assert [r["suppressions"][0]["justification"] for r in sarif if "suppressions" in r] == ["the example's own", "generated"]


def test_what_audit_alone_shows_is_never_proposed(jarvis2, git_repo):
    repo = git_repo({"a.py": "def f(x, seen=[]):\n    try:\n        seen.append(x)\n    except:\n        pass\n    return seen\n"})
    found = jarvis2("audit", repo, "--json", expect=1).json["findings"]
    assert {"python/mutable-default", "python/swallowed-exception"} <= {f["rule"] for f in found}
    (repo.path / "jarvis2.toml").write_text('[project]\ntest = "true"\nbench = "python3 a.py"\n')
    repo.commit("settings")
    dry = jarvis2("improve", repo, "--dry-run", "--json").json
    rules = jarvis2("audit", "--list-rules", "--json").json["rules"]
    for_audit = {r["rule"] for r in rules if r.get("category", "performance") != "performance"}
    assert for_audit and not for_audit & {a["rule"] for a in dry["actions"]}


def test_mined_rules_come_with_their_commits(jarvis2, git_repo, tmp_path):
    repo = git_repo({"a.py": "if len(xs) == 0:\n    f()\nif len(a.b) == 0:\n    g()\n", "b.py": "while len(q) == 0:\n    h()\n"})
    (repo.path / "a.py").write_text("if not xs:\n    f()\nif not a.b:\n    g()\n")
    repo.commit("second")
    (repo.path / "b.py").write_text("while not q:\n    h()\n")
    repo.commit("third")
    mined = jarvis2("audit", repo, "--mine", "--json", "--mine-write", tmp_path / "mined", expect=0).json["rules"]
    assert [(r["before"], r["after"], r["edits"], len(r["commits"])) for r in mined] == [("len($A) == 0", "not $A", 3, 2)]
    (repo.path / "c.py").write_text("ok = len(rows) == 0\n")
    repo.commit("fourth")
    found = jarvis2("audit", repo, "--rules-folder", tmp_path / "mined", "--rules", "learned", "--json", expect=1).json["findings"]
    assert [(f["path"], f["line"], f["category"]) for f in found] == [("c.py", 1, "learned")]
    assert jarvis2("audit", "--mine", git_repo({"a.py": "x = 1\n"}), "--json", expect=1).json["rules"] == []
