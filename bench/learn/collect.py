#!/usr/bin/env python3
"""Collects what label.py needs: collect.py [NAME...] [--real DIR] [--output DIR]

Makes a repository of each program of programs.toml, profiles it here with `jarvis2 model record`, and leaves a folder
NAME with recording.json and tree/ (its tracked files) in the output folder; also valgrind's own files, for a machine
that lacks it.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
# The real interpreter first, so that no launcher script is profiled.
ENVIRONMENT = dict(os.environ, PATH="%s%s%s" % (os.path.dirname(os.path.realpath(sys.executable)), os.pathsep, os.environ["PATH"]))


def run(arguments, **more):
    return subprocess.run([str(one) for one in arguments], check=True, **more)


def repository(name, program, real, scratch):
    if program["from"] == "real":
        run(["git", "clone", "-q", real / name, scratch / name])
        return scratch / name
    shutil.copytree(TOP / program["from"], scratch / name)
    day = dict(os.environ, GIT_AUTHOR_DATE="2026-01-01T00:00:00Z", GIT_COMMITTER_DATE="2026-01-01T00:00:00Z")
    run(["git", "init", "-q", "-b", "main", scratch / name])
    run(["git", "add", "-A"], cwd=scratch / name)
    identity = ["-c", "user.name=bench learn", "-c", "user.email=bench@localhost"]
    run(["git", *identity, "commit", "-q", "-m", name], cwd=scratch / name, env=day)
    return scratch / name


def collect(name, program, options):
    target = options.output / name
    with tempfile.TemporaryDirectory(prefix="collect-") as scratch:
        folder = repository(name, program, options.real, pathlib.Path(scratch))
        shutil.rmtree(target, ignore_errors=True)
        (target / "tree").mkdir(parents=True)
        nothing = program.get("nothing", "python3 -c pass")
        run([options.jarvis2, "--quiet", "model", "record", folder, "--output", target / "recording.json.new",
             "--command", program["command"], "--nothing", nothing], stdout=subprocess.DEVNULL, env=ENVIRONMENT)  # fmt: skip
        archive = run(["git", "archive", "HEAD"], cwd=folder, stdout=subprocess.PIPE).stdout
        run(["tar", "-xf", "-", "-C", target / "tree"], input=archive)
        os.replace(target / "recording.json.new", target / "recording.json")


def copy_valgrind(target):
    program = shutil.which("valgrind")
    library = pathlib.Path("/usr/libexec/valgrind")
    if program is None or not library.is_dir():
        return
    target.mkdir(parents=True, exist_ok=True)
    binary = "/usr/bin/valgrind.bin" if os.path.exists("/usr/bin/valgrind.bin") else program
    shutil.copy(binary, target / "valgrind")
    for path in library.iterdir():
        if path.name in ("cachegrind-amd64-linux", "vgpreload_core-amd64-linux.so", "default.supp"):
            shutil.copy(path, target / path.name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--real", type=pathlib.Path, default=TOP / "build" / "bench-real")
    parser.add_argument("--output", type=pathlib.Path, default=TOP / "build" / "label")
    parser.add_argument("--jarvis2", type=pathlib.Path, default=TOP / "build" / "release" / "jarvis2")
    options = parser.parse_args()
    options.output = options.output.resolve()
    options.jarvis2 = options.jarvis2.resolve()
    programs = tomllib.loads((HERE / "programs.toml").read_text())
    failures = 0
    for name in options.names or list(programs):
        if (options.output / name / "recording.json").exists():
            continue
        try:
            collect(name, programs[name], options)
            print("%s: collected" % name, flush=True)
        except (subprocess.CalledProcessError, OSError) as error:
            print("%s: %s" % (name, error), file=sys.stderr, flush=True)
            failures += 1
    copy_valgrind(options.output / "valgrind")
    return 2 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
