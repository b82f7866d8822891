#!/usr/bin/env python3
"""Fetches the programs of programs.toml and makes a git repository of each: prepare.py [NAME...] [--dest DIR] [--force] [--record]

Then builds, tests and benchmarks a fresh clone of each: all must succeed, and print the same twice. What is ready is left as it is.
Needs git and, for what is fetched, pip (PyPI) or apt-get (Debian); native programs need cmake, make, cc and c++.
"""

import argparse
import hashlib
import os
import pathlib
import resource
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
DEFAULT_DEST = HERE.parent.parent / "build" / "bench-real"


class Failed(Exception):
    """A step that did not work; its text is one clear line."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def command(arguments, cwd=None, env=None, timeout=1800):
    done = subprocess.run(
        arguments, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout
    )
    if done.returncode != 0:
        tail = " | ".join(done.stdout.strip().splitlines()[-3:])
        raise Failed("%s: exit status %d: %s" % (" ".join(map(str, arguments))[:120], done.returncode, tail))
    return done.stdout


def environment():
    """The environment of builds and runs: the real interpreter first, so that no launcher script is timed with it."""
    interpreter = pathlib.Path(os.path.realpath(sys.executable)).parent
    return dict(os.environ, PATH="%s%s%s" % (interpreter, os.pathsep, os.environ["PATH"]), PYTHONDONTWRITEBYTECODE="1")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pip_of(dest):
    """An interpreter that has pip: this one, or a virtual environment made for it."""
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode == 0:
        return sys.executable
    python = dest / ".venv" / "bin" / "python"
    if not python.exists():
        command([sys.executable, "-m", "venv", dest / ".venv"])
    return python


def fetch_pypi(source, folder, dest):
    binary = "--only-binary" if source["file"].endswith(".whl") else "--no-binary"
    package = "%s==%s" % (source["package"], source["version"])
    command([pip_of(dest), "-m", "pip", "download", "-q", "--no-deps", binary, ":all:", "-d", folder, package])


def fetch_debian(source, folder, dest):
    """Source packages from the archive this machine already uses, without touching its settings."""
    state = dest / ".apt"
    options = ["-o", "Dir::Etc::sourcelist=%s/debian.sources" % state, "-o", "Dir::Etc::sourceparts=-"]
    options += ["-o", "Dir::State::lists=%s/lists" % state, "-o", "APT::Sandbox::User=", "-o", "Debug::NoLocking=1"]
    if not (state / "ready").exists():
        fields = "$(REPO_URI)|$(CODENAME)|$(COMPONENT)"
        lines = command(["apt-get", "indextargets", "--format", fields, "Created-By: Packages"]).splitlines()
        wanted = [line.split("|") for line in lines if line.split("|")[1:] == ["bookworm", "main"]]
        if not wanted:
            raise Failed("apt knows no archive of Debian 12; add one and run apt-get update")
        (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (state / "debian.sources").write_text(
            "Types: deb-src\nURIs: %s\nSuites: bookworm\nComponents: main\n"
            "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n" % wanted[0][0]
        )
        command(["apt-get", "-q", "update"] + options)
        (state / "ready").write_text("")
    command(["apt-get", "-q", "source", "--download-only", "--tar-only"] + options + [source["package"]], cwd=folder)


def fetch(name, source, dest):
    """The source's archive under dest, fetched and compared with its pinned digest."""
    path = dest / ".archives" / source["file"]
    if path.exists() and digest(path) == source["sha256"]:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    say("%s: fetching %s" % (name, source["file"]))
    with tempfile.TemporaryDirectory(dir=path.parent) as temporary:
        folder = pathlib.Path(temporary)
        {"pypi": fetch_pypi, "debian": fetch_debian}[source["from"]](source, folder, dest)
        found = folder / source["file"]
        if not found.exists():
            raise Failed("%s: fetched %s, expected %s" % (name, sorted(os.listdir(folder)), source["file"]))
        if digest(found) != source["sha256"]:
            raise Failed("%s: %s has sha256 %s, expected %s" % (name, found.name, digest(found), source["sha256"]))
        os.replace(found, path)
    return path


def unpack(archive, folder):
    """Unpacks; returns the folder that holds the files (below a single top folder)."""
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)
        return folder
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data") if hasattr(tarfile, "data_filter") else file.extractall(folder)
    entries = list(folder.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else folder


def ours(name):
    """Our files for a program, by their place in its repository."""
    program = tomllib.loads((HERE / "programs.toml").read_text())["program"][name]
    if program.get("only_rules"):
        return {}
    files = {"driver/check.py": HERE / "common" / "check.py"}
    if program["language"] == "python":
        files["driver/pyperf.py"] = HERE / "common" / "pyperf.py"
    else:
        for path in (HERE / "native").iterdir():
            files["driver/" + path.name] = path
    for path in sorted((HERE / name).iterdir()):
        if path.is_file():
            files[path.name if path.name in ("jarvis2.toml", ".gitignore") else "driver/" + path.name] = path
    return files


def stamp_of(name, program, source):
    state = hashlib.sha256(repr((sorted(program.items()), sorted(source.items()))).encode())
    for place, path in sorted(ours(name).items()):
        state.update(place.encode() + b"\0" + path.read_bytes())
    return state.hexdigest()


def is_ready(folder, stamp):
    mark = folder / ".git" / "prepared"
    if not mark.exists() or mark.read_text() != stamp:
        return False
    return command(["git", "status", "--porcelain"], cwd=folder) == ""


def copy(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def make_repository(name, program, archive, folder):
    if folder.exists():
        shutil.rmtree(folder)
    with tempfile.TemporaryDirectory(dir=archive.parent) as temporary:
        top = unpack(archive, pathlib.Path(temporary))
        for path in program.get("omit", []):
            shutil.rmtree(top / path) if (top / path).is_dir() else (top / path).unlink()
        for origin, place in program.get("copy", [["", ""]]):
            copy(top / origin, folder / place)
    for place, path in ours(name).items():
        copy(path, folder / place)
    identity = ["-c", "user.name=bench real", "-c", "user.email=bench@localhost", "-c", "core.autocrlf=false"]
    day = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    command(["git", "init", "-q", "-b", "main", folder])
    command(["git", "add", "-A", "-f"], cwd=folder)
    text = "%s as published, with a driver" % name
    command(["git"] + identity + ["commit", "-q", "-m", text], cwd=folder, env=dict(os.environ, **day))


def timed(shell_command, cwd):
    """What a command prints, and the CPU seconds it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(shell_command, shell=True, cwd=cwd, env=environment(), capture_output=True, timeout=600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        tail = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()[-3:]
        raise Failed("%s: exit status %d: %s" % (shell_command, done.returncode, " | ".join(tail)))
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def as_list(value):
    return [value] if isinstance(value, str) else list(value)


def check(name, folder):
    """Builds, tests and benchmarks a fresh clone; returns the CPU seconds of each command."""
    settings = tomllib.loads((folder / "jarvis2.toml").read_text())["project"]
    seconds = {}
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".check-") as temporary:
        clone = pathlib.Path(temporary) / name
        command(["git", "clone", "-q", folder, clone])
        if settings.get("build"):
            seconds["build"] = timed(settings["build"], clone)[1]
        seconds["test"] = timed(settings["test"], clone)[1]
        for kind in ("bench", "holdout"):
            for i, line in enumerate(as_list(settings.get(kind, []))):
                first, _ = timed(line, clone)
                second, used = timed(line, clone)
                if first != second:
                    raise Failed("%s: %s prints something else the second time" % (name, line))
                if not first.strip():
                    raise Failed("%s: %s prints nothing" % (name, line))
                seconds["%s%d" % (kind, i)] = used
        if command(["git", "status", "--porcelain"], cwd=clone):
            raise Failed("%s: build or test leave untracked files: %s" % (name, command(["git", "status", "-s"], cwd=clone)))
    return seconds


def record(name, folder):
    """Records what our test's commands print now, for a program whose driver is new."""
    settings = tomllib.loads((folder / "jarvis2.toml").read_text())["project"]
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".record-") as temporary:
        clone = pathlib.Path(temporary) / name
        command(["git", "clone", "-q", folder, clone])
        if settings.get("build"):
            timed(settings["build"], clone)
        timed("python3 driver/check.py --record", clone)
        shutil.copy2(clone / "driver" / "cases.json", HERE / name / "cases.json")


def prepare(name, program, source, dest, options):
    folder = dest / name
    stamp = stamp_of(name, program, source)
    if not (options.force or options.record) and is_ready(folder, stamp):
        say("%s: ready" % name)
        return
    make_repository(name, program, fetch(name, source, dest), folder)
    if options.record:
        record(name, folder)
        make_repository(name, program, fetch(name, source, dest), folder)
        stamp = stamp_of(name, program, source)
    seconds = {} if program.get("only_rules") else check(name, folder)
    (folder / ".git" / "prepared").write_text(stamp)
    say("%s: ready%s" % (name, ": " + ", ".join("%s %.2f s" % item for item in seconds.items()) if seconds else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="programs (default: all)")
    parser.add_argument("--dest", type=pathlib.Path, default=DEFAULT_DEST, help="where the repositories go")
    parser.add_argument("--force", action="store_true", help="make and check them again")
    parser.add_argument("--record", action="store_true", help="record what the tests' commands print, instead of comparing")
    options = parser.parse_args()
    manifest = tomllib.loads((HERE / "programs.toml").read_text())
    names = options.names or list(manifest["program"])
    unknown = [name for name in names if name not in manifest["program"]]
    if unknown:
        parser.error("no program %s; there are %s" % (", ".join(unknown), ", ".join(manifest["program"])))
    dest = options.dest.resolve()
    dest.mkdir(parents=True, exist_ok=True)
    failures = 0
    for name in names:
        program = manifest["program"][name]
        try:
            prepare(name, program, manifest["source"][program["source"]], dest, options)
        except (Failed, OSError, subprocess.TimeoutExpired) as error:
            say("error: %s: %s" % (name, error))
            failures += 1
    return 2 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
