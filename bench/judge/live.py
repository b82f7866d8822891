#!/usr/bin/env python3
"""Live decisions of `jarvis2 compare` about a workload whose true speed-up is known.

Runs sessions of each kind (A/A, 5 %, 10 % ...) as separate processes and counts verdicts. Needs Python and the program
only. The workload is the program's own spin loop (or sleep, for work that waits); `--jobs` sessions run at once, each on
its own cores.

    bench/judge/live.py --binary build/release/jarvis2 --sessions 100 --effects 0 5 10 --jobs 16 --cores-per-job 2
"""

import argparse
import concurrent.futures
import json
import os
import queue
import statistics
import subprocess
import sys
import time


def cpu_seconds(argv, runs=5):
    seen = []
    for _ in range(runs):
        before = os.times()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        seen.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return statistics.median(seen)


def calibrate_work(binary, seconds):
    """Units of work that take `seconds`, and the seconds that starting takes: CPU time is a line in the units."""
    start = cpu_seconds([binary, "calibrate", "--work", "0"])
    units = 10_000_000
    while True:
        spent = cpu_seconds([binary, "calibrate", "--work", str(units)], 3) - start
        if spent > 0.3:
            break
        units *= 3
    unit = spent / units
    return start, unit


def command(binary, kind, start, unit, seconds):
    if kind == "cpu":
        return f"'{binary}' calibrate --work {max(0, round((seconds - start) / unit))}"
    return f"sleep {seconds:.6f}"


def session(options, binary, base, candidate, cpus, seed):
    argv = [binary, "compare", base, candidate, "--json", "--budget", options.budget, "--seed", str(seed),
            "--instrument", options.instrument, *options.extra]
    if cpus:
        argv = ["taskset", "-c", ",".join(map(str, cpus)), *argv]
    begun = time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True)
    wall = time.monotonic() - begun
    if done.returncode not in (0, 1, 3):
        return {"verdict": "error", "wall": wall, "error": done.stderr.strip()}
    result = json.loads(done.stdout)
    return {"verdict": result["verdict"], "status": done.returncode, "wall": wall, "pairs": result["pairs"],
            "ratio": result["ratio"]["estimate"], "deviation": result["ratio"]["deviation"],
            "low": result["ratio"]["low"], "high": result["ratio"]["high"],
            "instrument": result["instrument"], "reason": result["reason"],
            "confirmation": result["confirmation"], "aa": result["aa"], "notes": result["notes"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="build/release/jarvis2")
    parser.add_argument("--sessions", type=int, default=20, help="of each effect")
    parser.add_argument("--aa-sessions", type=int, default=0, help="of a true effect of 0; 0: as the others")
    parser.add_argument("--until", type=float, default=0, help="no session starts after so many seconds")
    parser.add_argument("--effects", type=float, nargs="+", default=[0, 5, 10], help="true speed-ups in percent")
    parser.add_argument("--seconds", type=float, default=0.5, help="CPU (or sleep) time of one run of A")
    parser.add_argument("--kind", choices=["cpu", "sleep"], default="cpu")
    parser.add_argument("--instrument", default="auto")
    parser.add_argument("--budget", default="55s")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cores-per-job", type=int, default=0, help="0: the system places them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help="every session as a line of JSON")
    parser.add_argument("extra", nargs="*", help="more options for compare, after --")
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    start, unit = calibrate_work(binary, options.seconds) if options.kind == "cpu" else (0, 1)

    slots = queue.Queue()
    available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    for job in range(options.jobs):
        cores = options.cores_per_job
        if cores and (job + 1) * cores > len(available):
            sys.exit(f"{options.jobs} jobs of {cores} cores do not fit on {len(available)}")
        slots.put(available[job * cores:(job + 1) * cores])

    base = command(binary, options.kind, start, unit, options.seconds)

    def one(effect, number):
        cpus = slots.get()
        try:
            if options.until and time.monotonic() - begun > options.until:
                return effect, None
            other = command(binary, options.kind, start, unit, options.seconds / (1 + effect / 100))
            return effect, session(options, binary, base, other, cpus, options.seed * 1_000_003 + number)
        finally:
            slots.put(cpus)

    begun = time.monotonic()
    results = {effect: [] for effect in options.effects}
    out = open(options.out, "a") if options.out else None
    # The effects take turns, so that all see the same weather.
    wanted = {effect: options.aa_sessions if effect == 0 and options.aa_sessions else options.sessions for effect in options.effects}
    jobs = sorted(((i + 0.5) / wanted[effect], k, effect, i * len(options.effects) + k)
                  for k, effect in enumerate(options.effects) for i in range(wanted[effect]))
    jobs = [(effect, number) for _, _, effect, number in jobs]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for future in concurrent.futures.as_completed([pool.submit(one, *job) for job in jobs]):
            effect, result = future.result()
            if result is None:
                continue
            results[effect].append(result)
            if out:
                out.write(json.dumps({"effect": effect, "kind": options.kind, **result}) + "\n")
                out.flush()
    print(f"{options.kind}, {options.seconds} s a run, budget {options.budget}, {options.jobs} jobs, load {os.getloadavg()[0]:.1f}")
    print("true effect | sessions | faster | not faster | slower | undecided | error | pairs | wall s (median, most) | ratio")
    for effect, seen in results.items():
        if not seen:
            continue
        count = {verdict: sum(r["verdict"] == verdict for r in seen)
                 for verdict in ("faster", "not faster", "slower", "undecided", "error")}
        good = [r for r in seen if r["verdict"] != "error"]
        walls = [r["wall"] for r in seen]
        print(f"{effect:>4g} % | {len(seen)} | " + " | ".join(str(v) for v in count.values()) +
              (f" | {statistics.median(r['pairs'] for r in good):g} | {statistics.median(walls):.1f}, {max(walls):.1f}"
               f" | {statistics.median(r['ratio'] for r in good):.3f}" if good else ""))
        for r in seen:
            if r["verdict"] == "error":
                print(f"  error: {r['error']}")
                break


if __name__ == "__main__":
    main()
