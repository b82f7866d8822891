#!/usr/bin/env python3
"""Checks sources: `format` with clang-format, `tidy` with clang-tidy over the commands of a release build.

A file that clang-tidy found clean is not checked again until it, a header it includes, its flags or .clang-tidy change.
"""

import argparse
import concurrent.futures
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "tidy"  # configured, never built: one command a file
CACHE = ROOT / "build" / "lint"
FOLDERS = ("src", "bench", "fuzz", "tests")
SUFFIXES = {".cc", ".h", ".mm", ".cu", ".metal"}


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def tool(name):
    brewed = "/opt/homebrew/opt/llvm/bin"
    path = shutil.which(name, path=os.environ["PATH"] + os.pathsep + brewed)
    if not path:
        sys.exit(f"lint: {name} is missing: run make setup")
    return path


def git_files(*args):
    result = run("git", *args, "--", *FOLDERS)
    if result.returncode:
        sys.exit(f"lint: git {args[0]}: {result.stderr.strip()}")
    return {ROOT / line for line in result.stdout.splitlines()}


def changed_files():
    base = run("git", "merge-base", "HEAD", "main").stdout.strip() or "HEAD"
    return git_files("diff", "--name-only", base) | git_files("ls-files", "--others", "--exclude-standard")


def recency():
    """File to its place in the order of last change, newest first."""
    ranks = {}
    for line in run("git", "log", "-n", "200", "--name-only", "--format=").stdout.splitlines():
        ranks.setdefault(str(ROOT / line), len(ranks))
    return ranks


def all_files():
    return git_files("ls-files", "--cached", "--others", "--exclude-standard")


def check_format(files, fix):
    clang_format = tool("clang-format")
    files = sorted(str(path) for path in files if path.suffix in SUFFIXES and path.exists())
    bad = 0
    for start in range(0, len(files), 50):
        mode = ["-i"] if fix else ["--dry-run", "-Werror"]
        result = run(clang_format, *mode, *files[start : start + 50])
        bad += result.returncode != 0
        sys.stdout.write("".join(line + "\n" for line in result.stderr.splitlines() if "error:" in line))
    print(f"format: {len(files)} files {'laid out' if fix else 'need make fmt' if bad else 'ok'}")
    return bad == 0


@functools.cache
def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@functools.cache
def own_headers(path):
    """The project's own headers that a file includes, also through each other."""
    found = set()
    for name in re.findall(r'^#include "([^"]+)"', Path(path).read_text(errors="replace"), re.M):
        for folder in (ROOT / "src", Path(path).parent):
            header = folder / name
            if header.exists() and header != Path(path) and header not in found:
                found |= {header} | own_headers(header)
                break
    return found


def cache_key(entry, headers, version):
    parts = [version, digest(ROOT / ".clang-tidy"), entry["command"]]
    parts += [digest(path) for path in sorted({entry["file"], *map(str, headers)})]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def check_tidy(files, everything, budget):
    done = run("cmake", "--preset", "release", "-B", str(BUILD), "-DJARVIS2_UNITY=OFF")
    if done.returncode:
        sys.exit(f"lint: cmake: {done.stderr.strip()}")
    database = BUILD / "compile_commands.json"
    clang_tidy = tool("clang-tidy")
    version = run(clang_tidy, "--version").stdout
    CACHE.mkdir(parents=True, exist_ok=True)
    known = {path.name for path in CACHE.iterdir()}
    ranks = recency()
    wanted = []
    total = 0
    for entry in json.loads(database.read_text()):
        source = Path(entry["file"])
        if ROOT not in source.parents or BUILD in source.parents:
            continue
        included = own_headers(source)
        touched = source in files or bool(included & files)
        if not everything and not touched:
            continue
        total += 1
        key = cache_key(entry, included, version)
        if key not in known:
            wanted.append((source not in files, ranks.get(entry["file"], len(ranks)), entry["file"], key))
    deadline = time.monotonic() + budget if budget else None

    def check(job):
        _, _, path, key = job
        if deadline and time.monotonic() > deadline:
            return None
        result = run(clang_tidy, "--quiet", "-p", str(BUILD), "--extra-arg=-Wno-unknown-warning-option", path)
        if result.returncode == 0:
            (CACHE / key).touch()
        else:
            print(result.stdout.strip() or result.stderr.strip(), flush=True)
        return result.returncode == 0

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(check, sorted(wanted)))
    line = f"tidy: {total} files, {total - len(wanted)} from the cache, {results.count(False)} with findings"
    if None in results:
        line += f", {results.count(None)} not reached in {budget} s"
    print(line)
    return False not in results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checks", nargs="+", choices=["format", "tidy"])
    parser.add_argument("--changed", action="store_true", help="only what differs from main")
    parser.add_argument("--fix", action="store_true", help="format: lay the files out")
    parser.add_argument("--budget", type=int, help="tidy: start no file after this many seconds; what changed last comes first")
    args = parser.parse_args()
    changed = changed_files()
    files = changed if args.changed else all_files()
    good = True
    if "format" in args.checks:
        good &= check_format(files, args.fix)
    if "tidy" in args.checks:
        good &= check_tidy(changed, not args.changed, args.budget)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
