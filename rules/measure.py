#!/usr/bin/env python3
"""Measures what each rule gives and writes it into the rule's file.

The first example of a rule is run before and after, through `prior.setup` and `prior.call`, in alternating slices of
one process on one core, by CPU time. The ratio is the median of the pairs (before over after); the text beside it says
how it was measured and in which range the middle half of the pairs lay.

    rules/measure.py [--write] [--pairs 21] [FILE or NAME ...]

Needs PyYAML; C and C++ rules need a compiler. Python 3.9 or newer.
"""
import argparse
import datetime
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import yaml

HERE = pathlib.Path(__file__).resolve().parent
SLICE_S = 0.02

MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
void j2_before(void);
void j2_after(void);
volatile double sink;
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static double run(void (*f)(void), long n) {
  const double begin = now();
  for (long i = 0; i < n; ++i) f();
  return now() - begin;
}
int main(int argc, char** argv) {
  const int pairs = atoi(argv[1]);
  const double slice = atof(argv[2]);
  long n = 1;
  (void)argc;
  j2_after();
  while (run(j2_before, n) < slice && n < (1L << 40)) n *= 2;
  for (int i = 0; i < pairs; ++i) {
    const double first = i % 2 ? run(j2_after, n) : run(j2_before, n);
    const double second = i % 2 ? run(j2_before, n) : run(j2_after, n);
    fprintf(stderr, "%.9f\\n", i % 2 ? second / first : first / second);
  }
  return 0;
}
"""


def python_ratios(rule, pairs):
    """Ratios of the pairs for a Python rule."""
    def prepared(text):
        names = {}
        exec(rule["prior"].get("setup") or "", names)
        exec(text, names)
        exec("def j2_run(j2_n):\n    for _ in range(j2_n):\n        " + rule["prior"]["call"], names)
        return names["j2_run"]

    def timed(run, n):
        begin = time.process_time()
        run(n)
        return time.process_time() - begin

    example = rule["examples"][0]
    before, after = prepared(example["before"]), prepared(example["after"])
    n = 1
    after(1)
    while timed(before, n) < SLICE_S:
        n *= 2
    ratios = []
    for i in range(pairs):
        if i % 2:
            second, first = timed(after, n), timed(before, n)
        else:
            first, second = timed(before, n), timed(after, n)
        ratios.append(first / second)
    return ratios


def native_ratios(rule, pairs, compiler):
    """Ratios of the pairs for a C or C++ rule: both sides compiled apart, linked into one program."""
    c = rule["language"] == "c"
    flags = (rule["prior"].get("flags") or "-O2").split()
    with tempfile.TemporaryDirectory() as folder:
        at = pathlib.Path(folder)
        objects = []
        for side in ("before", "after"):
            example = rule["examples"][0][side]
            parts = [rule["prior"].get("setup") or "", example]
            lines = "\n".join(parts).splitlines()
            includes = [line for line in lines if line.lstrip().startswith(("#include", "#define"))]
            code = [line for line in lines if line not in includes]
            extern = "" if c else 'extern "C" '
            source = includes + [f'{extern}{"extern " if c else ""}volatile double sink;'.replace(
                'extern "C" volatile', 'extern "C" { extern volatile') + ("" if c else " }")]
            source += ([] if c else ["namespace {"]) + code + ([] if c else ["}"])
            source += [f"{extern}void j2_{side}(void) {{ {rule['prior']['call']} }}"]
            name = at / (side + (".c" if c else ".cc"))
            name.write_text("\n".join(source) + "\n")
            objects.append(str(name) + ".o")
            subprocess.run([compiler, *flags, *([f"-Df=f_{side}"] if c else ["-std=c++17"]), "-w", "-c", str(name), "-o", objects[-1]],
                           check=True)
        (at / "main.c").write_text(MAIN)
        subprocess.run([shutil.which("gcc") or "cc", "-O2", "-c", str(at / "main.c"), "-o", str(at / "main.o")], check=True)
        subprocess.run([compiler, str(at / "main.o"), *objects, "-lm", "-o", str(at / "run")], check=True)
        found = subprocess.run([str(at / "run"), str(pairs), str(SLICE_S)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True, check=True, cwd=folder)
        return [float(line) for line in found.stderr.split()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the results into the rule files")
    parser.add_argument("--pairs", type=int, default=21)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    files = sorted(HERE.glob("*/*.yaml"))
    if options.names:
        files = [f for f in files if any(n in (str(f), f.stem, f.parent.name) or pathlib.Path(n).resolve() == f
                                         for n in options.names)]
    failed = 0
    for file in files:
        text = file.read_text()
        rule = yaml.safe_load(text)
        if "prior" not in rule:
            continue  # for `audit` alone
        native = rule["language"] != "python"
        compiler = ("gcc" if rule["language"] == "c" else "g++") if native else ""
        try:
            ratios = native_ratios(rule, options.pairs, compiler) if native else python_ratios(rule, options.pairs)
        except Exception as error:  # one broken rule must not stop the others
            print(f"{rule['language']}/{rule['id']}: {error}", file=sys.stderr)
            failed += 1
            continue
        low, middle, high = statistics.quantiles(ratios, n=4)
        if native:
            version = subprocess.run([compiler, "-dumpfullversion"], capture_output=True, text=True).stdout.strip()
            tool = f"{compiler} {version} {rule['prior'].get('flags') or '-O2'}"
        else:
            tool = f"CPython {platform.python_version()}"
        measured = (f"first example, {tool}, {platform.system()} {platform.machine()}, one core, {len(ratios)} alternating "
                    f"pairs by CPU time, middle half {low:.2f} to {high:.2f}, {datetime.date.today()}")
        print(f"{rule['language']}/{rule['id']}: {middle:.2f} ({low:.2f} to {high:.2f})", flush=True)
        if options.write:
            text = re.sub(r"^  ratio: .*$", f"  ratio: {middle:.2f}", text, count=1, flags=re.M)
            text = re.sub(r"^  measured: .*$", f"  measured: {measured}", text, count=1, flags=re.M)
            file.write_text(text)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
