#!/usr/bin/env python3
"""Runs `jarvis2 improve` on programs nobody here wrote and checks every claim a second time.

    run.py [NAME...] [--budget 5m] [--seed N] [--out DIR] [--json | --markdown]   run and print the table
    run.py [NAME...] --report [--json | --markdown]                              print what earlier runs found
    run.py [NAME...] --rules-only                                                only which rules fire where

A *faster* counts as confirmed when `jarvis2 verify --patch` in a fresh clone, with another seed, says faster too, and a plain
measurement of our own (both at once on one core, CPU time, random order, outputs compared) agrees. The table goes to stdout.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib

import prepare

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
say = prepare.say


def run_jarvis2(options, arguments, cwd, limit):
    """Runs the program; returns (exit status, JSON from stdout or None, last line of stderr)."""
    command = [str(options.jarvis2)] + arguments + ["--json"]
    child = subprocess.Popen(
        command, cwd=cwd, env=prepare.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        out, err = child.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGINT)
        try:
            out, err = child.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            out, err = child.communicate()
        return 124, None, "no answer within %d s" % limit
    lines = err.decode(errors="replace").strip().splitlines()
    try:
        value = json.loads(out)
    except ValueError:
        value = None
    return child.returncode, value, lines[-1] if lines else ""


def seconds_of(text):
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
    for unit in ("ms", "s", "m", "h"):
        if text.endswith(unit):
            return float(text[: -len(unit)]) * units[unit]
    return float(text)


def start(command, folder, output, cpu):
    def bind():
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})

    return subprocess.Popen(command, shell=True, cwd=folder, env=prepare.environment(), stdout=output, preexec_fn=bind)


def pair(command, folders, cpu):
    """Runs a command in both folders at once on one core, where a process can be bound to one, else one after the other.

    Returns CPU seconds (children included) and output of each, in the order of `folders`.
    """
    outputs = [tempfile.TemporaryFile() for _ in folders]
    children, seconds = [], []
    for folder, output in zip(folders, outputs):
        children.append(start(command, folder, output, cpu))
        if cpu is None:
            seconds.append(ended(command, children.pop()))
    seconds += [ended(command, child) for child in children]
    texts = []
    for output in outputs:
        output.seek(0)
        texts.append(output.read())
        output.close()
    return seconds, texts


def ended(command, child):
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise prepare.Failed("%s: exit status %d" % (command, child.returncode))
    return usage.ru_utime + usage.ru_stime


def bootstrap(values, chance, rounds=4000):
    """The median and its 95 % interval."""
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(rounds))
    return statistics.median(values), medians[rounds // 40], medians[-1 - rounds // 40]


def plain_pairs(base, changed, commands, pairs, seed):
    """Our own measurement: base CPU time over changed CPU time, by command."""
    chance = random.Random(seed)
    cpu = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    found = {}
    for command in commands:
        ratios = []
        for _ in range(pairs):
            swapped = chance.random() < 0.5
            seconds, texts = pair(command, [changed, base] if swapped else [base, changed], cpu)
            if texts[0] != texts[1]:
                raise prepare.Failed("%s prints something else than the original" % command)
            ratios.append(seconds[1] / seconds[0] if swapped else seconds[0] / seconds[1])
        middle, low, high = bootstrap(ratios, chance)
        found[command] = {"ratio": middle, "low": low, "high": high, "pairs": pairs}
    return found


def built_clone(repository, folder, patch=None):
    prepare.command(["git", "clone", "-q", repository, folder])
    if patch is not None:
        prepare.command(["git", "apply", "--whitespace=nowarn", patch], cwd=folder)
    settings = tomllib.loads((folder / "jarvis2.toml").read_text())["project"]
    for step in ("setup", "build"):
        if settings.get(step):
            twice_tried(settings[step], folder)
    return settings


def twice_tried(command, folder):
    """A full machine may refuse a process in the middle of a build; what a build can't do, it can't do twice."""
    try:
        prepare.timed(command, folder)
    except prepare.Failed as error:
        say("  again: %s" % error)
        prepare.timed(command, folder)


def confirm(name, repository, patch, out, options):
    """The second, independent measurement of a claim."""
    found = {"confirmed": False}
    with tempfile.TemporaryDirectory(dir=out, prefix=".confirm-") as temporary:
        folder = pathlib.Path(temporary)
        prepare.command(["git", "clone", "-q", repository, folder / "verify"])
        arguments = ["verify", "--build-files", "--patch", str(patch), "--seed", str(options.seed + 7919), str(folder / "verify")]
        status, value, message = run_jarvis2(options, arguments, folder, 3600)
        found["verify"] = {"status": status, "message": message if value is None else "", "result": value}
        found["verdict"] = (value or {}).get("verdict", "error")
        try:
            settings = built_clone(repository, folder / "base")
            built_clone(repository, folder / "changed", patch)
            prepare.timed(settings["test"], folder / "changed")
            claimed = prepare.as_list(settings.get("holdout", [])) or prepare.as_list(settings["bench"])
            others = [c for c in prepare.as_list(settings["bench"]) if c not in claimed]
            measured = plain_pairs(folder / "base", folder / "changed", claimed + others, options.pairs, options.seed + 104729)
        except prepare.Failed as error:
            found["error"] = str(error)
            return found
    found["plain"] = measured
    chosen = [measured[c] for c in claimed]
    found["ratio"] = statistics.geometric_mean(m["ratio"] for m in chosen)
    found["low"] = statistics.geometric_mean(m["low"] for m in chosen)
    found["high"] = statistics.geometric_mean(m["high"] for m in chosen)
    found["confirmed"] = found["verdict"] == "faster" and found["low"] > 1.0
    found["contradicted"] = found["verdict"] in ("not faster", "slower", "rejected") or found["high"] < 1.0
    return found


def rules_that_fire(repository, options):
    """Findings of the rules by rule over the whole program; where they can't be had, the actions improve would try."""
    hits = {}
    status, value, message = run_jarvis2(options, ["audit", str(repository)], repository, 900)
    found = (value or {}).get("findings")
    if found is None and (repository / "jarvis2.toml").exists():
        say("  audit ended with status %d: %s; counting what improve would try" % (status, message))
        status, value, message = run_jarvis2(options, ["improve", str(repository), "--dry-run"], repository, 900)
        found = (value or {}).get("actions")
    if found is None:
        say("  rules: status %d: %s" % (status, message))
        return None
    for finding in found:
        if finding.get("kind", "rewrite") == "rewrite":
            hits[finding["rule"]] = hits.get(finding["rule"], 0) + 1
    return hits


def start_result(name, program, options, verdict):
    return {
        "name": name,
        "unit": "x",
        "ours": 1.0,
        "peers": [],
        "language": program["language"],
        "verdict": verdict,
        "seed": options.seed,
    }


def improve(name, repository, program, options):
    out = options.out / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    result = start_result(name, program, options, "error")
    arguments = ["improve", str(repository), "--budget", options.budget, "--seed", str(options.seed)]
    if options.jobs:
        arguments += ["--jobs", str(options.jobs)]
    started = time.monotonic()
    status, value, message = run_jarvis2(options, arguments + options.pass_on, repository, seconds_of(options.budget) * 2 + 1200)
    result["seconds"] = round(time.monotonic() - started, 1)
    result["status"] = status
    result["verdict"] = (value or {}).get("verdict", "error")
    if value is None:
        result["message"] = message
    else:
        (out / "improve.json").write_text(json.dumps(value, indent=1))
        result["speedup"] = value.get("speedup")
        result["actions"] = value.get("actions") or []
        result["candidates"] = len(value.get("candidates") or [])
        result["search"] = value.get("search")
    say("%s: %s after %.0f s %s" % (name, result["verdict"], result["seconds"], result.get("message", "")))
    if result["verdict"] == "faster" and value.get("patch"):
        patch = out / "champion.patch"
        patch.write_text(value["patch"])
        result["ours"] = (value.get("speedup") or {}).get("estimate", 1.0)
        result["confirmation"] = confirm(name, repository, patch, out, options)
        say("%s: confirmed %s, ratio %s" % (name, result["confirmation"]["confirmed"], result["confirmation"].get("ratio")))
    result["rules"] = rules_that_fire(repository, options)
    return result


def options_alone(result):
    kinds = {action.get("kind") for action in result.get("actions", [])}
    return bool(kinds) and kinds <= {"option"}


def short(rule):
    return rule.split("/", 1)[-1]


def row_of(result):
    """Program, language, verdict, speed-up, confirmed ratio, actions: as text."""
    speedup, again = result.get("speedup") or {}, result.get("confirmation") or {}
    faster = result["verdict"] == "faster"
    claim = "%.3f [%.3f, %.3f]" % (speedup["estimate"], speedup["low"], speedup["high"]) if faster and speedup else ""
    second = ""
    if faster:
        second = "%.3f [%.3f, %.3f]" % (again["ratio"], again["low"], again["high"]) if "ratio" in again else "failed"
        second += " ✓" if again.get("confirmed") else " ✗"
    counts = {}
    for action in result.get("actions", []) if faster else []:
        label = "%s %s" % (action.get("kind"), short(action.get("rule") or "?"))
        counts[label] = counts.get(label, 0) + 1
    actions = ", ".join(label if n == 1 else "%s ×%d" % (label, n) for label, n in sorted(counts.items()))
    return [result["name"], result["language"], result["verdict"], claim, second, actions or result.get("message", "")[:60]]


HEADS = ["program", "language", "verdict", "speed-up", "second measurement", "actions"]


def table(rows, heads, markdown):
    if markdown:
        lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
        return "\n".join(lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows])
    widths = [max(len(row[i]) for row in rows + [heads]) for i in range(len(heads))]
    return "\n".join("  ".join(cell.ljust(widths[i]) for i, cell in enumerate(row)).rstrip() for row in [heads] + rows)


def hits_of(results):
    """Rule → {program: findings}, the rules in most programs first."""
    hits = {}
    for result in results:
        for rule, count in (result.get("rules") or {}).items():
            hits.setdefault(rule, {})[result["name"]] = count
    return dict(sorted(hits.items(), key=lambda item: (-len(item[1]), -sum(item[1].values()), item[0])))


def summary_of(results):
    tried = [r for r in results if r["verdict"] not in ("only rules", "absent")]
    faster = [r for r in results if r["verdict"] == "faster"]
    confirmations = [r.get("confirmation", {}) for r in faster]
    return {
        "programs": len(tried),
        "faster": len(faster),
        "confirmed": sum(1 for c in confirmations if c.get("confirmed")),
        "contradicted": sum(1 for c in confirmations if c.get("contradicted") or "error" in c),
        "by_options_alone": [r["name"] for r in faster if options_alone(r)],
        "two_or_more_actions": sum(1 for r in faster if len(r.get("actions", [])) >= 2),
        "absent": [r["name"] for r in results if r["verdict"] == "absent"],
        "errors": [r["name"] for r in results if r["verdict"] == "error"],
        "rules_that_fire": len(hits_of(results)),
    }


def report(results, form):
    summary = summary_of(results)
    hits = hits_of(results)
    if form == "json":
        return json.dumps({"name": "real", "results": results, "summary": summary, "rules": hits}, indent=1)
    markdown = form == "markdown"
    parts = []
    apart = [r for r in results if r["verdict"] == "faster" and options_alone(r)]
    main_rows = [row_of(r) for r in results if r["verdict"] != "only rules" and r not in apart]
    if main_rows:
        parts.append(table(main_rows, HEADS, markdown))
    if apart:
        parts.append("Faster by build options alone:")
        parts.append(table([row_of(r) for r in apart], HEADS, markdown))
    if summary["programs"]:
        parts.append(
            "%(programs)d programs: %(faster)d faster, %(confirmed)d of them confirmed, %(contradicted)d contradicted; "
            "%(two_or_more_actions)d champions combine two or more actions." % summary
        )
    if hits:
        rows = [[rule, str(sum(by.values())), ", ".join("%s %d" % item for item in sorted(by.items()))] for rule, by in hits.items()]
        parts.append("%d rules fire in this code:" % len(hits))
        parts.append(table(rows, ["rule", "places", "in"], markdown))
    return "\n\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="programs (default: all)")
    parser.add_argument("--budget", default="5m", help="of each improve run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=0, help="passed on to improve")
    parser.add_argument("--pairs", type=int, default=15, help="of our own second measurement, for each command")
    parser.add_argument("--jarvis2", type=pathlib.Path, default=ROOT / "build" / "release" / "jarvis2", help="the program")
    parser.add_argument("--dest", type=pathlib.Path, default=prepare.DEFAULT_DEST, help="where prepare.py puts the programs")
    parser.add_argument("--out", type=pathlib.Path, help="results (default: DEST/results)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", action="store_true", help="tables for the README")
    parser.add_argument("--report", action="store_true", help="run nothing; print what --out holds")
    parser.add_argument("--keep", action="store_true", help="skip programs that --out has a result of")
    parser.add_argument("--rules-only", action="store_true", help="only which rules fire")
    parser.add_argument("--pass-on", action="append", default=[], metavar="FLAG", help="a further argument for improve")
    options = parser.parse_args()
    options.dest = options.dest.resolve()
    options.out = (options.out or options.dest / "results").resolve()
    options.jarvis2 = options.jarvis2.resolve()
    programs = tomllib.loads((HERE / "programs.toml").read_text())["program"]
    unknown = [name for name in options.names if name not in programs]
    if unknown:
        parser.error("no program %s; there are %s" % (", ".join(unknown), ", ".join(programs)))
    names = options.names or list(programs)
    results = []
    for name in names:
        saved = options.out / name / "result.json"
        if options.report or (options.keep and saved.exists()):
            if saved.exists():
                results.append(json.loads(saved.read_text()))
            continue
        if not options.jarvis2.exists():
            parser.error("no program at %s; run make build, or give --jarvis2" % options.jarvis2)
        if subprocess.run([sys.executable, HERE / "prepare.py", name, "--dest", options.dest]).returncode != 0:
            result = start_result(name, programs[name], options, "absent")
        elif options.rules_only or programs[name].get("only_rules"):
            result = start_result(name, programs[name], options, "only rules")
            result["rules"] = rules_that_fire(options.dest / name, options)
        else:
            result = improve(name, options.dest / name, programs[name], options)
        results.append(result)
        if result["verdict"] != "absent" and not options.rules_only:
            saved.parent.mkdir(parents=True, exist_ok=True)
            saved.write_text(json.dumps(result, indent=1) + "\n")
    order = list(programs)
    results.sort(key=lambda result: order.index(result["name"]))
    print(report(results, "json" if options.json else "markdown" if options.markdown else "text"))
    summary = summary_of(results)
    return 2 if summary["errors"] else 1 if summary["contradicted"] else 0


if __name__ == "__main__":
    sys.exit(main())
