"""jarvis2 hw --topology FOLDER: recorded machines."""

from pathlib import Path

import pytest

RECORDINGS = Path(__file__).parent / "recordings"
GIB = 1 << 30


@pytest.fixture
def recorded(jarvis2):
    return lambda path: jarvis2("hw", "--topology", path, "--json", expect=0).json


def tiers(machine):
    return [(tier["name"], tier["kind"], tier["cores"], tier["cpus"]) for tier in machine["cpu"]["tiers"]]


def zones(machine):
    return [round(machine["zones"][name] / GIB, 6) for name in ("neural", "mcts", "code_cache", "vector_index", "reserve")]


def workers(machine):
    return [machine["workers"][name] for name in ("neural", "search", "io")]


def test_m1(recorded):
    machine = recorded(RECORDINGS / "m1")
    assert tiers(machine) == [("Performance", "performance", 4, 4), ("Efficiency", "efficiency", 4, 4)]
    assert [(gpu["name"], gpu["backend"], gpu["cores"], gpu["unified"]) for gpu in machine["gpus"]] == [("Apple M1", "metal", 8, True)]
    assert machine["memory"] == {"total_bytes": 16 * GIB, "limit_bytes": 16 * GIB, "unified": True, "budget_bytes": 16 * GIB * 85 // 100}
    assert workers(machine) == [2, 4, 8]


def test_m4_pro(recorded):
    machine = recorded(RECORDINGS / "m4-pro")
    assert tiers(machine) == [("Performance", "performance", 8, 8), ("Efficiency", "efficiency", 4, 4)]
    assert machine["cpu"]["tiers"][0]["cpu_ids"] == list(range(4, 12))  # ioreg numbers the efficient ones first
    assert (machine["cpu"]["performance_cores"], machine["cpu"]["efficiency_cores"], machine["cpu"]["logical"]) == (8, 4, 12)
    assert machine["cpu"]["quota"] is None
    assert [(gpu["name"], gpu["cores"], gpu["unified"]) for gpu in machine["gpus"]] == [("Apple M4 Pro", 20, True)]
    assert zones(machine) == [6, 4.8, 3.6, 3.6, 6]
    assert workers(machine) == [5, 8, 8]
    assert {"level": 2, "kind": "unified", "bytes": 16 << 20, "shared_by": 4} in machine["cpu"]["tiers"][0]["caches"]


def test_m5_max_has_no_efficiency_cores(recorded):
    machine = recorded(RECORDINGS / "m5-max")
    assert tiers(machine) == [("Super", "super", 6, 6), ("Performance", "performance", 12, 12)]
    assert (machine["cpu"]["performance_cores"], machine["cpu"]["efficiency_cores"]) == (18, 0)
    assert machine["gpus"][0]["cores"] == 40
    assert workers(machine) == [10, 18, 9]


def test_intel_hybrid(recorded):
    machine = recorded(RECORDINGS / "intel-hybrid")
    assert tiers(machine) == [("IntelCore", "performance", 6, 12), ("IntelAtom", "efficiency", 8, 8)]
    assert workers(machine) == [1, 6, 16]
    assert machine["memory"]["total_bytes"] == 32594328 * 1024


def test_arm_big_little(recorded):
    machine = recorded(RECORDINGS / "arm-big-little")
    assert [(kind, cores) for _, kind, cores, _ in tiers(machine)] == [("performance", 4), ("efficiency", 4)]
    assert machine["cpu"]["tiers"][0]["cpu_ids"] == [4, 5, 6, 7]


def test_dual_socket(recorded):
    machine = recorded(RECORDINGS / "dual-socket")
    assert tiers(machine) == [("performance", "performance", 32, 64)]
    assert machine["cpu"]["packages"] == 2
    assert [(node["id"], len(node["cpu_ids"])) for node in machine["cpu"]["numa"]] == [(0, 32), (1, 32)]
    assert machine["memory"]["total_bytes"] == (128568 + 129019) << 20
    assert [(gpu["name"], gpu["backend"], gpu["memory_bytes"]) for gpu in machine["gpus"]] == [("NVIDIA H200", "cuda", 143771 << 20)] * 2
    assert machine["memory"]["unified"] is False


def test_container_of_version_2_takes_the_least_of_its_ancestors(recorded):
    machine = recorded(RECORDINGS / "container-v2")
    assert machine["cpu"]["quota"] == 0.5
    assert machine["cpu"]["affinity"] == list(range(8))
    assert (machine["memory"]["total_bytes"], machine["memory"]["limit_bytes"]) == (65842928 * 1024, GIB)
    assert sum(machine["zones"].values()) == GIB
    assert workers(machine) == [1, 1, 2]


def test_container_of_version_1(recorded):
    machine = recorded(RECORDINGS / "container-v1")
    assert machine["cpu"]["quota"] == 0.5
    assert machine["memory"]["limit_bytes"] == GIB
    assert workers(machine) == [1, 1, 2]


@pytest.mark.parametrize(
    "files",
    [
        {"cgroup/cpu.max": "50000 100000\n", "cgroup/memory.max": "1073741824\n"},
        {"cpu.max": "50000 100000", "memory.max.txt": "1073741824"},
        {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000", "sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824"},
        {"notes.txt": "/sys/fs/cgroup/cpu.max:50000 100000\n/sys/fs/cgroup/memory.max:1073741824\n"},
        {"cgroup/cpu.max": "max 100000", "cgroup/a/cpu.max": "50000 100000", "cgroup/memory.max": "1073741824", "self_cgroup": "0::/a/b\n"},
    ],
)
def test_control_groups_lie_where_they_may(recorded, tmp_path, files):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "sysctl.out").write_text((RECORDINGS / "m4-pro/sysctl").read_text())
    machine = recorded(tmp_path)
    assert machine["cpu"]["quota"] == 0.5
    assert machine["memory"]["limit_bytes"] == GIB
    assert machine["memory"]["total_bytes"] == 24 * GIB


def test_one_file_is_enough(recorded):
    machine = recorded(RECORDINGS / "m4-pro/sysctl")
    assert tiers(machine) == [("Performance", "performance", 8, 8), ("Efficiency", "efficiency", 4, 4)]
    assert [(gpu["name"], gpu["cores"]) for gpu in machine["gpus"]] == [("Apple M4 Pro", 0)]  # it has one; its cores aren't told
