"""What `improve` refuses before it starts: each time one clear line and status 2."""

import pytest

WORK = "i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done; echo $i\n"
SETTINGS = {"test": "sh tests/check.sh", "bench": "sh work.sh"}


@pytest.fixture
def improve(jarvis2):
    if "\n  improve " not in jarvis2("--help").stdout:
        pytest.skip("no improve command")

    def call(where, *arguments):
        """The first line of the refusal."""
        result = jarvis2("improve", where, *arguments, expect=2)
        assert result.stdout == ""
        lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, result.stderr
        return lines[0], result.stderr

    return call


@pytest.fixture
def project(git_repo):
    def make(files=None, **commands):
        toml = "[project]\n" + "".join(f"{key} = '''{value}'''\n" for key, value in {**SETTINGS, **commands}.items())
        return git_repo(
            {
                "work.sh": WORK,
                "app.py": "def f():\n    return 1\n",
                "tests/check.sh": 'test "$(sh work.sh)" = 150000\n',
                "jarvis2.toml": toml,
                **(files or {}),
            }
        )

    return make


def test_no_repository(improve, tmp_path):
    folder = tmp_path / "plain"
    folder.mkdir()
    assert "is not in a git repository" in improve(folder)[0]


def test_bare_and_empty_repositories(improve, git_repo, tmp_path):
    assert "no commit yet" in improve(git_repo())[0]
    repository = git_repo({"a": "a"})
    repository.git("clone", "-q", "--bare", ".", tmp_path / "bare")
    assert "bare repository" in improve(tmp_path / "bare")[0]


def test_dirty_tree(improve, project):
    repository = project()
    repository.write({"work.sh": WORK + "# changed\n"})
    line, _ = improve(repository)
    assert "uncommitted changes (work.sh)" in line
    assert "--include-uncommitted" in line


@pytest.mark.parametrize("stage, status", [("setup", 3), ("build", 2), ("test", 1), ("bench", 4)])
def test_a_command_that_fails(improve, project, stage, status):
    repository = project(**{stage: f"echo some output; echo the reason >&2; exit {status}"})
    line, everything = improve(repository)
    assert f"{stage} fails with exit status {status}" in line
    assert str(repository.path / ".jarvis2/logs") in line
    assert "\n  the reason" in everything


def test_a_program_that_is_missing(improve, project):
    line, everything = improve(project(build="no-such-compiler -O2 x.c"))
    assert "not installed" in line
    assert "no-such-compiler" in everything


def test_a_test_that_fails_one_time_in_five(improve, project):
    # 25 runs without a failure: once in 265 times.
    line, _ = improve(project(test="test $(($(od -An -N2 -tu2 /dev/urandom) % 5)) -ne 0"))
    assert "flaky" in line or "test fails" in line


def test_output_that_changes(improve, project):
    line, _ = improve(project(bench="sh work.sh; od -An -N8 -tx8 /dev/urandom"))
    assert "differs from run to run, line 2:" in line
    assert "ignore_output" in line


def test_a_benchmark_that_is_too_short(improve, project):
    line, _ = improve(project(bench="echo done"))
    assert "too short to judge" in line
    assert "at least 50 ms" in line


def test_a_benchmark_that_is_too_noisy(improve, project):
    sleep = 'sleep $(awk "BEGIN { print 0.06 * 1.6 ^ $(($(od -An -N4 -tu4 /dev/urandom) % 10)) }")'
    line, _ = improve(project(bench=sleep))
    assert "too noisy to judge" in line
    assert "would have to run about" in line


def test_unoptimised_native_code(improve, project):
    files = {
        "main.c": "#include <stdio.h>\nint main(void) { puts(\"1\"); return 0; }\n",
        "Makefile": "p: main.c\n\tcc -o p main.c\n",
    }
    assert "without optimisation" in improve(project(files, build="make", bench="./p"))[0]


@pytest.mark.parametrize(
    "toml, message",
    [
        ("[project]\ntest = \n", "jarvis2.toml:2:"),
        ("[project]\ntest = 'true'\nbench = 'true'\ntset = 1\n", "jarvis2.toml:4: unknown key project.tset"),
        ("[project]\ntest = 'true'\n", "project.bench is missing"),
        ("[project]\ntest = 'true'\nbench = 'true'\n[objective]\nmin_effect = '200%'\n", "jarvis2.toml:5:"),
    ],
)
def test_bad_settings(improve, git_repo, toml, message):
    assert message in improve(git_repo({"a.py": "a = 1\n", "jarvis2.toml": toml}))[0]


def test_no_settings_and_nothing_found(improve, git_repo):
    line, _ = improve(git_repo({"README": "hello"}))
    assert "jarvis2 init" in line
