"""The sandbox seen from outside: the second level where user namespaces are forbidden, and closed where nothing works."""

import os
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")

PROGRAM = os.environ["JARVIS2_BIN"]
WORK = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo $i\n"
PROJECT = {
    "work.sh": WORK,
    "tests/check.sh": 'test "$(sh work.sh)" = 100000 && ! touch "$OUTSIDE" && test -z "$JARVIS2_TEST_SECRET"\n',
    "jarvis2.toml": '[project]\nedit = ["work.sh"]\ntest = "OUTSIDE=@OUTSIDE@ sh tests/check.sh"\nbench = "sh work.sh"\n',
}
# Four turns at once.
PATCH = """--- a/work.sh
+++ b/work.sh
@@ -1 +1 @@
-i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo $i
+i=0; while [ $i -lt 100000 ]; do i=$((i+4)); done; echo $i
"""
# A namespace of users that forbids further ones: bubblewrap can't start in it.
FORBIDDEN = ["unshare", "--user", "--map-root-user", "sh", "-c",
             'echo 0 >/proc/sys/user/max_user_namespaces && ! unshare --user true 2>/dev/null && exec "$0" "$@"']
# The same without Landlock: its system calls answer as those of an older kernel.
WITHOUT_LANDLOCK = """
import ctypes, os, struct, sys
seccomp = ctypes.CDLL("libseccomp.so.2", use_errno=True)
seccomp.seccomp_init.restype = ctypes.c_void_p
context = ctypes.c_void_p(seccomp.seccomp_init(0x7FFF0000))
for number in (444, 445, 446):
    assert seccomp.seccomp_rule_add(context, 0x00050000 | 38, number, 0) == 0
assert seccomp.seccomp_load(context) == 0
os.execvp(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def forbidden(environment):
    def call(program, *arguments):
        return subprocess.run([*FORBIDDEN, *program, *map(str, arguments)], capture_output=True, text=True, timeout=600,
                              env={**environment, "JARVIS2_TEST_SECRET": "hunter2"})

    if not shutil.which("unshare") or call(["true"]).returncode != 0:
        pytest.skip("user namespaces can't be forbidden for a test here")
    return call


@pytest.fixture
def project(git_repo, tmp_path):
    files = {**PROJECT, "jarvis2.toml": PROJECT["jarvis2.toml"].replace("@OUTSIDE@", str(tmp_path / "outside"))}
    (tmp_path / "change.patch").write_text(PATCH)
    return git_repo(files)


def test_without_user_namespaces_the_second_level_closes(forbidden, project, tmp_path):
    done = forbidden([PROGRAM], "verify", "--patch", tmp_path / "change.patch", project, "--json", "--budget", "40s")
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"verdict": "faster"' in done.stdout
    assert not (tmp_path / "outside").exists()


def test_where_nothing_works_nothing_is_run(forbidden, project, tmp_path):
    done = forbidden([sys.executable, "-c", WITHOUT_LANDLOCK, PROGRAM], "verify", "--patch", tmp_path / "change.patch", project)
    assert done.returncode == 2, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    assert "bubblewrap does not start" in lines[0] and "Landlock" in lines[0], lines[0]
    assert not (tmp_path / "outside").exists()
