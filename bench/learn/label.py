#!/usr/bin/env python3
"""Records outcome tables: label.py FOLDER... --out FILE.tar [--workers N] [--minutes M] [--sets N]

Each FOLDER holds recording.json (`jarvis2 model record`) and tree/, the untouched project. Every single action, then
sets chosen among what worked, are applied to a copy of the tree, built, tested, run and counted by valgrind's
cachegrind. Needs only Python, the project's own tools and valgrind ($VALGRIND, or the one on the path); no package of
ours. Which sets are tried depends on the seed and on what came of the single actions, on nothing else.
"""

import argparse
import concurrent.futures
import io
import itertools
import json
import math
import os
import pathlib
import platform
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

STAGES = ["applies", "builds", "passes", "equal", "instructions"]
PYTHON = os.path.realpath(sys.executable)
ENVIRONMENT = dict(
    os.environ,
    PATH="%s%s%s" % (os.path.dirname(PYTHON), os.pathsep, os.environ["PATH"]),
    PYTHONDONTWRITEBYTECODE="1",
    PYTHONHASHSEED="0",
    LC_ALL="C",
    CMAKE_POLICY_VERSION_MINIMUM="3.5",
)
VALGRIND = os.environ.get("VALGRIND", "valgrind")
VALGRIND_WORKS = True


def shell(command, cwd, timeout, more=None):
    """Exit status (None: took too long) and what it printed; its children die with it."""
    environment = dict(ENVIRONMENT, **(more or {}))
    child = subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        output, _ = child.communicate(timeout=timeout)
        return child.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return None, b""


def count(command, cwd, timeout):
    """Instructions of a command and its children, or None."""
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log.%p")
        options = "--tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null --trace-children=yes --log-file=%s" % log
        quoted = "'" + command.replace("'", "'\\''") + "'"
        status, _ = shell("exec %s %s /bin/sh -c %s" % (VALGRIND, options, quoted), cwd, timeout)
        total = 0
        for path in pathlib.Path(folder).iterdir():
            for refs in re.findall(r"I\s+refs:\s+([0-9,]+)", path.read_text(errors="replace")):
                total += int(refs.replace(",", ""))
        return total if status == 0 and total > 0 else None


def cpu_seconds(command, cwd):
    """User time of a command and its children."""
    child = subprocess.Popen(["/bin/sh", "-c", command], cwd=cwd, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0
    return usage.ru_utime


def time_ratio(command, nothing, base, ours, pairs=15):
    """Where nothing counts: ln of base over ours, the median of pairs' CPU times, start-up taken off."""
    logs = []
    idle = min(cpu_seconds(nothing, base) for _ in range(5)) if nothing else 0.0
    for i in range(pairs):
        first, second = (base, ours) if i % 2 == 0 else (ours, base)
        one, two = cpu_seconds(command, first), cpu_seconds(command, second)
        a, b = (one, two) if i % 2 == 0 else (two, one)
        logs.append(math.log(max(a - idle, 1e-4) / max(b - idle, 1e-4)))
    return sorted(logs)[len(logs) // 2]


class Program:
    def __init__(self, folder, options):
        self.folder = pathlib.Path(folder)
        self.recording = json.loads((self.folder / "recording.json").read_text())
        self.name = self.recording["program"]
        self.actions = self.recording["actions"]
        self.options = options
        self.random = random.Random("%s %d" % (self.name, options.seed))
        self.outcomes = {}
        self.queued = {}
        self.trees = {}
        self.error = None
        self.phase = 1
        self.base = None
        self.todo = []
        self.running = 0
        for action in range(len(self.actions)):
            closed = self.closure([action])
            if self.consistent(closed):
                self.push(closed)
        self.random.shuffle(self.todo)

    def push(self, chosen):
        key = tuple(sorted(chosen))
        if not key or key in self.queued or not self.consistent(key):
            return False
        self.queued[key] = True
        self.todo.append(key)
        return True

    def closure(self, chosen):
        result = set(chosen)
        open_ids = list(chosen)
        while open_ids:
            for need in self.actions[open_ids.pop()]["requires"]:
                if need not in result:
                    result.add(need)
                    open_ids.append(need)
        return sorted(result)

    def consistent(self, chosen):
        inside = set(chosen)
        for one in chosen:
            action = self.actions[one]
            if not inside.issuperset(action["requires"]) or inside.intersection(action["conflicts"]):
                return False
        return True

    def texts(self, chosen):
        """Path -> text of the files that the set changes; the same composition as the catalogue's."""
        superseded = {other for one in chosen for other in self.actions[one]["supersedes"]}
        by_path = {}
        for one in chosen:
            if one in superseded:
                continue
            for edit in self.actions[one]["edits"]:
                by_path.setdefault(edit["path"], []).append((edit["begin"], edit["end"], self.actions[one]["order"], edit["text"]))
        texts = {}
        for path, edits in by_path.items():
            origin = self.folder / "tree" / path
            old = origin.read_bytes() if origin.exists() else b""
            out, at, before = b"", 0, None
            for begin, end, _, text in sorted(edits, key=lambda edit: edit[:3]):
                if before == (begin, end, text):
                    continue
                if begin < at or end > len(old):
                    return None
                out += old[at:begin] + text.encode()
                at, before = end, (begin, end, text)
            texts[path] = out + old[at:]
        return texts

    def tree(self, worker):
        """The worker's own copy, built."""
        if worker not in self.trees:
            target = self.options.scratch / ("w%d" % worker) / self.name
            shutil.copytree(self.folder / "tree", target, symlinks=True)
            if self.recording["build"]:
                status, output = shell(self.recording["build"], target, 300)
                if status != 0:
                    raise RuntimeError("%s does not build: %s" % (self.name, output[-300:]))
            self.trees[worker] = (target, [])
        return self.trees[worker]

    def measure_base(self, worker):
        tree, _ = self.tree(worker)
        # Another version of an interpreter may print other last digits than were recorded: then output alone judges.
        tested = shell(self.recording["test"], tree, 120)[0] == 0
        status, output = shell(self.recording["command"], tree, 60)
        if status != 0 or not output:
            raise RuntimeError("%s: its command fails" % self.name)
        first = count(self.recording["command"], tree, 300) if VALGRIND_WORKS else None
        second = count(self.recording["command"], tree, 300) if first else None
        nothing = count(self.recording["nothing"], tree, 60) if first and self.recording["nothing"] else 0
        self.base = {"output": output, "instructions": first, "again": second, "nothing": nothing or 0, "tested": tested}
        if first is None:
            shutil.copytree(tree, self.options.scratch / "base" / self.name, symlinks=True)

    def run(self, worker, chosen):
        """Stage reached, whether it passed, log ratio."""
        texts = self.texts(chosen)
        if texts is None:
            return "applies", False, None
        tree, dirty = self.tree(worker)
        for path in dirty:
            origin = self.folder / "tree" / path
            (tree / path).unlink(missing_ok=True)
            if origin.exists():
                shutil.copy(origin, tree / path)
        dirty.clear()
        for path, text in texts.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(text)
            dirty.append(path)
        more = {}
        for one in chosen:
            more.update(self.actions[one]["env"])
        if self.recording["build"]:
            status, _ = shell(self.recording["build"], tree, 180, more)
            if status != 0:
                return "builds", False, None
        if self.base["tested"] and shell(self.recording["test"], tree, 60)[0] != 0:
            return "passes", False, None
        status, output = shell(self.recording["command"], tree, 30)
        if status != 0 or output != self.base["output"]:
            return "equal", False, None
        if self.base["instructions"] is None:
            untouched = self.options.scratch / "base" / self.name
            ratio = time_ratio(self.recording["command"], self.recording["nothing"], untouched, tree)
            return "instructions", True, ratio
        counted = count(self.recording["command"], tree, 300)
        if counted is None:
            return "equal", True, None
        base, nothing = self.base["instructions"], self.base["nothing"]
        return "instructions", True, math.log((base - nothing) / max(1, counted - nothing))

    # ---- which sets ----
    def good(self):
        """Single actions by falling gain, of those that work; what they require comes with them."""
        gains = {}
        for chosen, (stage, ok, ratio) in self.outcomes.items():
            for one in chosen:
                if list(chosen) == self.closure([one]) and ok and ratio is not None:
                    gains[one] = ratio
        return gains

    def grow(self, candidates, limit):
        chosen = []
        for one in candidates:
            closed = self.closure(chosen + [one])
            if len(closed) <= limit and self.consistent(closed):
                chosen = closed
        return chosen

    def plan_sets(self):
        gains = self.good()
        order = sorted(gains, key=lambda one: -gains[one])
        helpful = [one for one in order if gains[one] > 0.0005]
        draw = self.random
        wanted, misses = self.options.sets, 0
        everything = list(range(len(self.actions)))
        kinds = itertools.cycle(["most", "pair", "part", "mixed", "pair", "part", "most", "any"])
        if helpful:
            self.push(self.grow(helpful, 99))
            for one in helpful[:12]:
                self.push(self.grow([other for other in helpful if other != one], 99))
        while len(self.todo) < wanted and misses < 400:
            kind = next(kinds)
            if kind == "most" and helpful:
                share = draw.choice([0.5, 0.7, 0.9])
                some = [one for one in helpful if draw.random() < share]
                if draw.random() < 0.5:
                    draw.shuffle(some)
                chosen = self.grow(some, 99)
            elif kind == "pair" and len(helpful) >= 2:
                pool = helpful[:16]
                chosen = self.grow(draw.sample(pool, 2) if draw.random() < 0.7 else [draw.choice(pool), draw.choice(order)], 6)
            elif kind == "part" and helpful:
                chosen = self.grow(draw.sample(helpful, min(len(helpful), draw.randint(2, 6))), 10)
            elif kind == "mixed" and order:
                chosen = self.grow(draw.sample(order, min(len(order), draw.randint(2, 8))), 12)
            else:
                chosen = self.grow(draw.sample(everything, min(len(everything), draw.randint(2, 6))), 8)
            misses = 0 if self.push(chosen) else misses + 1
        self.phase = 2

    def table(self):
        sites = b"".join(bytes.fromhex(site) for site in self.recording["sites"])
        kept = ["title", "path", "line", "facts", "site", "requires", "conflicts"]
        outcomes = []
        for chosen, (stage, ok, ratio) in sorted(self.outcomes.items(), key=lambda item: (len(item[0]), item[0])):
            one = {"set": list(chosen), "stage": stage, "ok": ok}
            if ratio is not None:
                one["log_ratio"] = round(ratio, 6)
            outcomes.append(one)
        described = {
            "program": self.name,
            "language": self.recording["language"],
            "embedder": self.recording["embedder"],
            "recorded": {
                "command": self.recording["command"],
                "nothing": self.recording["nothing"],
                "commit": self.recording["commit"],
                "instructions": self.base["instructions"],
                "instructions_again": self.base["again"],
                "instructions_of_nothing": self.base["nothing"],
                "seed": self.options.seed,
                "python": platform.python_version(),
                "machine": platform.platform(),
                "tested": self.base["tested"],
                "tool": "valgrind cachegrind" if self.base["instructions"] else "CPU time, 15 pairs",
            },
            "actions": [{key: action[key] for key in kept} for action in self.actions],
            "outcomes": outcomes,
        }
        header = {
            "__metadata__": {"table": json.dumps(described, separators=(",", ":"))},
            "sites": {"dtype": "F32", "shape": [len(self.recording["sites"]), 384], "data_offsets": [0, len(sites)]},
        }
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        return struct.pack("<Q", len(text)) + text + sites


class Recorder:
    def __init__(self, programs, options):
        self.programs = programs
        self.options = options
        self.lock = threading.Lock()
        self.deadline = time.monotonic() + 60 * options.minutes

    def next(self, worker):
        """A program and a set, "base", or None when there is nothing to do."""
        with self.lock:
            for program in self.programs:
                if program.base is None and program.error is None and program.running == 0:
                    program.running += 1
                    return program, "base"
            ready = [program for program in self.programs if program.base and not program.error]
            for program in ready:
                if not program.todo and program.running == 0 and program.phase == 1:
                    program.plan_sets()
            open_ones = [program for program in ready if program.todo]
            if not open_ones:
                busy = any(program.running for program in self.programs if not program.error)
                return (None, "wait") if busy else None
            # Programs progress side by side, each on few workers' trees.
            def rank(program):
                share = len(program.outcomes) / (len(program.outcomes) + len(program.todo) + 1)
                return share + 0.03 * program.running - (0.05 if worker in program.trees else 0)

            program = min(open_ones, key=rank)
            program.running += 1
            return program, program.todo.pop(0)

    def work(self, worker):
        while time.monotonic() < self.deadline:
            task = self.next(worker)
            if task is None:
                return
            program, chosen = task
            if program is None:
                time.sleep(0.2)
                continue
            try:
                if chosen == "base":
                    program.measure_base(worker)
                else:
                    outcome = program.run(worker, chosen)
                    with self.lock:
                        program.outcomes[chosen] = outcome
            except Exception as error:
                print("%s: %s" % (program.name, error), file=sys.stderr, flush=True)
                program.error = str(error)
            finally:
                with self.lock:
                    program.running -= 1

    def write(self):
        with self.lock:
            temporary = str(self.options.out) + ".new"
            with tarfile.open(temporary, "w") as archive:
                for program in self.programs:
                    if program.base and program.outcomes:
                        data = program.table()
                        info = tarfile.TarInfo(program.name + ".safetensors")
                        info.size = len(data)
                        archive.addfile(info, io.BytesIO(data))
            os.replace(temporary, self.options.out)

    def say(self):
        with self.lock:
            for program in self.programs:
                fine = [ratio for _, ok, ratio in program.outcomes.values() if ok and ratio is not None]
                print(
                    "%-16s %3d actions, %4d outcomes, %4d counted, best %.3fx, base %s, open %d%s"
                    % (program.name, len(program.actions), len(program.outcomes), len(fine), math.exp(max(fine, default=0)),
                       program.base and program.base["instructions"], len(program.todo),
                       ", error: " + program.error if program.error else ""),
                    flush=True,
                )  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="archive of tables")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after so long and write what is known")
    parser.add_argument("--sets", type=int, default=170, help="sets of each program beside its single actions")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.scratch = pathlib.Path(tempfile.mkdtemp(prefix="label-"))
    global VALGRIND_WORKS
    VALGRIND_WORKS = count("true", "/", 60) is not None and count("python3 -c pass", "/", 120) is not None
    print("counting with %s" % (VALGRIND if VALGRIND_WORKS else "CPU time: valgrind does not work here"), flush=True)
    try:
        recorder = Recorder([Program(folder, options) for folder in options.folders], options)
        with concurrent.futures.ThreadPoolExecutor(options.workers) as pool:
            jobs = [pool.submit(recorder.work, worker) for worker in range(options.workers)]
            for job in jobs:
                while not job.done():
                    concurrent.futures.wait([job], timeout=60)
                    recorder.write()
                job.result()
        recorder.write()
        recorder.say()
    finally:
        shutil.rmtree(options.scratch, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
