"""improve with a language model behind an endpoint: right answers are measured, wrong ones are thrown away, a missing or
broken endpoint changes nothing."""

import http.server
import json
import threading

import pytest

SLOW = """
def positive(values):
    out = []
    for value in values:
        if value > 0:
            out = out + [value]
    return out
"""
PROJECT = {
    "keep.py": SLOW.lstrip("\n"),
    "bench.py": "import keep\n\nprint(sum(keep.positive([(i * 7919) % 10007 + 1 for i in range(9000)])))\n",
    "test_keep.py": (
        "import unittest\n\nimport keep\n\n\nclass Keep(unittest.TestCase):\n"
        "    def test_order(self):\n        self.assertEqual(keep.positive([3, -1, 0, 2, 3]), [3, 2, 3])\n"
    ),
    "jarvis2.toml": '[project]\ntest = "python3 -m unittest -q test_keep"\nbench = "python3 bench.py"\nedit = ["keep.py"]\n',
}
HEAD = "def positive(values):\n"
GOOD = HEAD + "    return [value for value in values if value > 0]\n"
UNORDERED = HEAD + "    return sorted({value for value in values if value > 0})\n"


def fenced(code):
    return f"```python\n{code}```"


@pytest.fixture
def endpoint():
    """endpoint(replies): an OpenAI-compatible server that gives them one after another, the last for ever. A reply is a
    text, or bytes for the whole body. `requests` holds what was asked."""
    servers = []

    def start(replies):
        left = list(replies)
        asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self, body):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass  # the other side has had enough

            def do_GET(self):
                self.answer(json.dumps({"data": [{"id": "scripted"}]}).encode())

            def do_POST(self):
                asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                reply = left.pop(0) if len(left) > 1 else left[0]
                if isinstance(reply, str):
                    message = {"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": reply}}]}
                    reply = json.dumps(message).encode()
                self.answer(reply)

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        server.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.asked = asked
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_answers_are_candidates_like_all_others(jarvis2, git_repo, endpoint):
    repo = git_repo(PROJECT)
    server = endpoint(
        [
            fenced(GOOD + "\n\n" + GOOD),
            fenced(UNORDERED),
            b"\xff\xfe not json",
            fenced(GOOD),
        ]
    )
    done = jarvis2("improve", repo, "--kinds", "model", "--model-endpoint", server.url, "--budget", "60s", "--json")
    model = done.json["model"]
    assert model["name"] == "scripted" and model["questions"] == len(server.asked) == 4
    assert [one["reason"] for one in model["refused"]] == ["holds the function twice", "the answer is not UTF-8"]
    wrong, good = model["proposals"]
    assert not wrong["correct"] and wrong["outcome"].startswith("rejected at test")
    assert good["correct"] and good["ratio"] > 1.2
    assert done.returncode == 0 and done.json["verdict"] == "faster"
    assert [action["kind"] for action in done.json["actions"]] == ["model"]
    assert "+    return [value for value in values if value > 0]" in done.json["patch"]
    # What the model was told: the code, who calls it, and what failed before.
    first, last = (request["messages"][1]["content"] for request in (server.asked[0], server.asked[-1]))
    assert "out = out + [value]" in first and "keep.positive([" in first
    assert "holds the function twice" in last and "sorted({" in last
    assert server.asked[0]["model"] == "scripted" and server.asked[0]["stream"] is False


@pytest.mark.parametrize(
    "url, note",
    [
        ("http://127.0.0.1:9/v1", "no connection"),
        ("http://192.0.2.1:80/v1", "not an address of this machine"),
        ("ftp://127.0.0.1/", "it must look like"),
    ],
)
def test_no_endpoint_no_problem(jarvis2, git_repo, url, note):
    repo = git_repo(PROJECT)
    done = jarvis2("improve", repo, "--kinds", "model", "--model-endpoint", url, "--budget", "20s", "--json")
    assert done.returncode == 1 and done.json["verdict"] == "not faster"
    assert note in done.json["model"]["note"]
    assert sum(note in line for line in done.stderr.splitlines()) == 1


def test_an_endpoint_that_talks_nonsense_is_given_up(jarvis2, git_repo, endpoint):
    repo = git_repo(PROJECT)
    server = endpoint([b"x" * (3 << 20), b'{"choices": []}', b"<html>"])
    done = jarvis2("improve", repo, "--kinds", "model", "--model-endpoint", server.url, "--budget", "20s", "--json")
    assert done.returncode == 1 and len(server.asked) == 3
    assert "longer than" in done.json["model"]["refused"][0]["reason"]
    assert "was given up" in done.json["model"]["note"]
