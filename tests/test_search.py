"""jarvis2 index, search and graph: freshness, kills, concurrent readers, damage, exit status."""

import os
import signal
import time

CODE = {
    "src/bucket.py": '''
        import time

        class TokenBucket:
            """Limits the rate of requests."""

            def take(self, amount):
                """Waits until so many tokens are there."""
                return refill(self, amount)

        def refill(bucket, amount):
            time.sleep(amount)
    ''',
    "src/main.cc": "int parseHeader(const char* text) { return text[0]; }\nint run() { return parseHeader(\"x\"); }\n",
    ".gitignore": "ignored/\n",
}


def test_search_builds_finds_and_tells_when_nothing_is_there(jarvis2, git_repo):
    repo = git_repo(CODE)
    repo.write({"ignored/x.py": "def secret_ignored(): pass\n"})
    before = repo.contents()
    first = jarvis2("search", "wait until tokens are there", "--dir", repo, "--json", expect=0).json
    assert (first["results"][0]["path"], first["results"][0]["symbol"]) == ("src/bucket.py", "TokenBucket.take")
    assert first["results"][0]["start_line"] == 6 and first["latency_ms"] > 0
    assert repo.contents() == before and repo.git("status", "--porcelain").strip() in ("", "?? ignored/")
    assert jarvis2("search", "parseHeader", "--dir", repo, "--json", expect=0).json["results"][0]["path"] == "src/main.cc"
    assert jarvis2("search", "secret_ignored", "--dir", repo, "--json", expect=1).json["results"] == []
    assert jarvis2("search", "tokens", "--language", "rust", "--dir", repo, expect=1).stdout == ""
    assert "src/bucket.py:6-" in jarvis2("search", "TokenBucket.take", "--dir", repo, expect=0).stdout


def test_index_does_only_what_changed(jarvis2, git_repo):
    repo = git_repo(CODE)
    assert jarvis2("index", repo, "--no-vectors", "--json", expect=0).json["added"] == 2
    repo.write({"src/new.py": "def lighthouse():\n    return 1\n"})
    (repo.path / "src/main.cc").unlink()
    again = jarvis2("index", repo, "--no-vectors", "--json", expect=0).json
    assert (again["added"], again["changed"], again["removed"], again["unchanged"]) == (1, 0, 1, 1)
    repo.write({"src/new.py": "def windmill():\n    return 1\n"})
    one = jarvis2("index", repo, "--path", repo.path / "src/new.py", "--no-vectors", "--json", expect=0).json
    assert (one["changed"], one["unchanged"]) == (1, 0)
    assert jarvis2("search", "windmill", "--dir", repo, "--json", expect=0).json["results"][0]["symbol"] == "windmill"


def test_a_killed_index_goes_on_where_it_was(jarvis2, jarvis2_started, git_repo):
    files = {f"m{i}.py": "".join(f"def f{i}_{j}(x):\n    return x + {j}\n\n" for j in range(40)) for i in range(900)}
    repo = git_repo({**files, "target.py": "def needle_in_haystack():\n    return 1\n"})
    for delay in (0.05, 0.15, 0.3, 0.6):
        process = jarvis2_started("index", repo, "--no-vectors")
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
    reader = jarvis2_started("index", repo, "--no-vectors")
    while reader.poll() is None:  # readers work beside the writer
        assert jarvis2("search", "needle_in_haystack", "--dir", repo).returncode in (0, 1)
    done = jarvis2("index", repo, "--no-vectors", "--json", expect=0).json
    assert done["files"] == 901 and not done["rebuilt"]
    found = jarvis2("search", "needle_in_haystack", "--dir", repo, "--json", expect=0).json["results"]
    assert found[0]["path"] == "target.py"
    assert jarvis2("search", "f899_39", "--dir", repo, expect=0)


def test_damage_is_repaired(jarvis2, git_repo):
    repo = git_repo(CODE)
    jarvis2("index", repo, expect=0)
    state = repo.path / ".jarvis2"
    for end in ("-wal", "-shm"):
        if (state / f"index.sqlite{end}").exists():
            os.unlink(state / f"index.sqlite{end}")
    (state / "index.sqlite").write_bytes(b"no database" * 1000)
    found = jarvis2("search", "TokenBucket", "--dir", repo, "--json", expect=0).json["results"]
    assert found[0]["symbol"] == "TokenBucket"


def test_vectors_follow_and_search_says_so(jarvis2, git_repo):
    repo = git_repo(CODE)
    without = jarvis2("index", repo, "--no-vectors", "--json", expect=0).json["vectors"]
    assert without["have"] == 0 and without["of"] > 0
    text = jarvis2("search", "tokens", "--dir", repo, "--json", expect=0).json["vectors"]
    assert not text["used"] and "text and structure only" in text["note"]
    made = jarvis2("index", repo, "--json", expect=0).json["vectors"]
    if made["have"] == 0:
        assert made["note"]  # no model on this machine, and it says so
        return
    assert made["have"] == made["of"]
    found = jarvis2("search", "throttle how often clients may call", "--dir", repo, "--json", expect=0).json
    assert found["vectors"]["used"] and found["embedding_ms"] > 0
    assert found["results"][0]["symbol"].startswith("TokenBucket")
    # Damaged vectors are found out and made again.
    file = repo.path / ".jarvis2/vectors"
    data = bytearray(file.read_bytes())
    data[4096 + 10] ^= 255
    file.write_bytes(data)
    assert jarvis2("index", repo, "--json", expect=0).json["vectors"]["damaged"] == 1
    file.write_bytes(b"")
    assert not jarvis2("search", "tokens", "--dir", repo, "--json", expect=0).json["vectors"]["used"]
    assert jarvis2("index", repo, "--json", expect=0).json["vectors"]["have"] == made["of"]


def test_errors_are_one_line(jarvis2, git_repo, tmp_path):
    repo = git_repo(CODE)
    assert jarvis2("search", "--dir", repo, expect=2).stderr.count("\n") == 1
    assert "FILE:LINE" in jarvis2("search", "--similar", "nowhere", "--dir", repo, expect=2).stderr
    assert jarvis2("search", "--similar", "src/bucket.py:900", "--dir", repo, expect=2).stderr.count("\n") <= 2


def test_graph_shows_calls_impact_and_cycles(jarvis2, git_repo):
    repo = git_repo(CODE)
    graph = jarvis2("graph", repo, "--format", "json", "--cycles", "--central", 2, expect=0).json
    edges = {(e["from"], e["to"]) for e in graph["edges"]}
    assert ("src/bucket.py:TokenBucket.take", "src/bucket.py:refill") in edges
    assert graph["cycles"] == [] and len(graph["central"]) == 2
    impact = jarvis2("graph", repo, "--impact", "parseHeader", expect=0).json
    assert [(n["symbol"], n["distance"]) for n in impact["nodes"]] == [("parseHeader", 0), ("run", 1)]
    assert '"src/main.cc:run" -> "src/main.cc:parseHeader"' in jarvis2("graph", repo, "--format", "dot", expect=0).stdout
    jarvis2("graph", repo, "--impact", "no_such_function", expect=1)
