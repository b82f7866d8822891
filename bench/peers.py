"""What the benchmarks' scripts share: a virtual environment of peers in the user's cache, and rows of results.

`python3 bench/peers.py NAME...` installs the peers of these benchmarks (bench/NAME/requirements.txt, pinned).
"""

import os
import pathlib
import platform
import subprocess
import sys
import venv

TOP = pathlib.Path(__file__).resolve().parent.parent


def cache():
    if os.environ.get("XDG_CACHE_HOME"):
        return pathlib.Path(os.environ["XDG_CACHE_HOME"]) / "jarvis2"
    mac = platform.system() == "Darwin"
    return pathlib.Path.home() / ("Library/Caches/jarvis2" if mac else ".cache/jarvis2")


def python_of(name):
    """The interpreter that has the peers of a benchmark, or None."""
    given = os.environ.get("JARVIS2_PEERS_PYTHON")
    path = pathlib.Path(given) if given else cache() / "peers" / name / "bin" / "python"
    return path if path.exists() else None


def install(name):
    folder = cache() / "peers" / name
    venv.create(folder, with_pip=True)
    requirements = TOP / "bench" / name / "requirements.txt"
    subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", "-r", requirements], check=True)
    return folder / "bin" / "python"


def built(name):
    """A program that the build left beside jarvis2."""
    program = os.environ.get("JARVIS2_BIN")
    folder = pathlib.Path(program).parent if program else TOP / "build" / "release"
    return folder / name


def peer(name, value, ours=None, higher=False, **more):
    """A peer's entry: value None means absent. `higher`: more is better."""
    if value is None:
        return dict({"name": name, "value": "absent", "ratio": None}, **more)
    ratio = None if ours is None else (ours / value if higher else value / ours)
    return dict({"name": name, "value": value, "ratio": ratio}, **more)


def machine():
    model = platform.processor()
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return {"cpu": model, "cpus": os.cpu_count(), "system": platform.platform()}


if __name__ == "__main__":
    for one in sys.argv[1:]:
        print(install(one))
