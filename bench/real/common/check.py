"""Runs each recorded command in the project's root and compares what it prints; with --record, records it.

Commands whose output is long are recorded as the digest of it.
"""

import hashlib
import json
import pathlib
import shlex
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def printed(command):
    done = subprocess.run(shlex.split(command), cwd=HERE.parent, stdout=subprocess.PIPE, timeout=300)
    if done.returncode != 0:
        return "exit status %d" % done.returncode
    if len(done.stdout) > 400:
        return "sha256 " + hashlib.sha256(done.stdout).hexdigest()
    return done.stdout.decode()


def main():
    path = HERE / "cases.json"
    cases = json.loads(path.read_text())
    failures = 0
    for case in cases:
        output = printed(case["command"])
        if "--record" in sys.argv:
            case["output"] = output
        elif output != case["output"]:
            print("%s\n  expected %r\n  got      %r" % (case["command"], case["output"], output))
            failures += 1
    if "--record" in sys.argv:
        path.write_text(json.dumps(cases, indent=1) + "\n")
    print("%d of %d commands print what they should" % (len(cases) - failures, len(cases)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
