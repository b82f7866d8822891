"""Programs made for the two instruments to disagree about: does the judge notice, and whom does it believe?"""

import concurrent.futures
import json
import os
import subprocess


def cpu_seconds(argv):
    before = os.times()
    subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def units_for(work, kind, seconds, *size):
    """Units of `kind` that take about `seconds` of CPU time."""
    units = 1000 if kind != "memory" else 1
    while True:
        spent = cpu_seconds([work, kind, str(units), *map(str, size)])
        if spent > 0.05:
            return max(2, round(units * seconds / spent))
        units *= 4


def cases(work):
    busy = units_for(work, "busy", 0.15)
    walk = units_for(work, "cache", 0.15, 1024)
    stream = units_for(work, "memory", 0.15, 64)
    return [
        # what, A, B, what is true of the wall clock
        ("threaded: two threads do the work of one", f"busy {busy}", f"threads {busy} 2", "faster by the wall clock where a second core is free, not by CPU time"),
        ("waiting: less work, a longer sleep", f"wait {busy} 1000", f"wait {busy // 2} 150000", "not faster by the wall clock, twice as fast by CPU time"),
        ("waiting: same work, a shorter sleep", f"wait {busy // 4} 120000", f"wait {busy // 4} 1000", "faster by the wall clock, equal by CPU time"),
        ("hidden: the work moves to a child in no account", f"busy {busy}", f"hidden {busy}", "equal by the wall clock"),
        ("cache-bound: a smaller working set", f"cache {walk} 1024", f"cache {walk} 256", "faster; by how much depends on who shares the cache"),
        ("memory-bound: half the passes over 64 MiB", f"memory {stream} 64", f"memory {max(1, stream // 2)} 64", "faster"),
        ("busy: equal", f"busy {busy}", f"busy {busy}", "equal"),
    ]


def compare(program, work, a, b, instrument, budget):
    argv = [str(program), "compare", f"'{work}' {a}", f"'{work}' {b}", "--json", "--instrument", instrument, "--budget", budget, "--seed", "5"]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode not in (0, 1, 3):
        return {"verdict": "error", "reason": done.stderr.strip(), "ratio": {"estimate": None}, "instrument": instrument}
    return json.loads(done.stdout)


def run(options, work, results, say):
    if work is None:
        say("judge_work is not beside the program: no disagreements (make build-all)")
        return
    say("| program | true | by the duet | in sequence | the judge's choice | verdict | why |\n|---|---|---|---|---|---|---|")
    # Four cores each: a threaded program needs a free one.
    at_once = max(1, options.jobs * options.cores_per_job // 4)

    def one(case):
        name, a, b, truth = case
        return case, {instrument: compare(options.program, work, a, b, instrument, "30s" if instrument == "auto" else "12s")
                      for instrument in ("duet", "sequential", "auto")}

    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        done = list(pool.map(one, cases(work)))
    for (name, a, b, truth), seen in done:
        number = lambda one: one["ratio"]["estimate"] and round(one["ratio"]["estimate"], 3)  # noqa: E731
        auto = seen["auto"]
        why = auto["reason"] if auto["verdict"] != "faster" else auto.get("instrument_reason", "")
        say(f"| {name} | {truth} | {number(seen['duet'])} | {number(seen['sequential'])} | {auto['instrument']} | {auto['verdict']} | {why} |")
        results.append({"name": f"instruments: {name}", "unit": "verdict", "ours": auto["verdict"], "instrument": auto["instrument"],
                        "why": why, "true": truth,
                        "peers": [{"name": "CPU time alone", "value": number(seen["duet"]), "ratio": None},
                                  {"name": "wall clock alone", "value": number(seen["sequential"]), "ratio": None}]})
