"""jarvis2 hw: this machine, and recorded ones."""

import os

import pytest

GIB = 1 << 30


def sets(first, count):
    mask = f"0x{((1 << count) - 1) << first:08x}"
    return f'cpuset="{mask}" complete_cpuset="{mask}" nodeset="0x1" complete_nodeset="0x1"'


def recording(cores, memory, model, kinds="", devices=""):
    """hwloc's XML of one package with one logical CPU in each core."""
    tree = "".join(
        f'<object type="Core" os_index="{i}" {sets(i, 1)} gp_index="{100 + i}">'
        f'<object type="PU" os_index="{i}" {sets(i, 1)} gp_index="{200 + i}"/></object>'
        for i in range(cores)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE topology SYSTEM "hwloc2.dtd">\n<topology version="2.0">'
        f'<object type="Machine" os_index="0" {sets(0, cores)} allowed_cpuset="0x{(1 << cores) - 1:08x}" allowed_nodeset="0x1" gp_index="1">'
        f'<object type="Package" os_index="0" {sets(0, cores)} gp_index="2"><info name="CPUModel" value="{model}"/>'
        f'<object type="NUMANode" os_index="0" {sets(0, cores)} gp_index="3" local_memory="{memory}"/>{tree}</object>'
        f"{devices}</object>{kinds}</topology>"
    )


def m4_pro():
    kinds = (
        '<cpukind cpuset="0x0000000f" forced_efficiency="0"><info name="DarwinCompatible" value="apple,sawtooth;ARM,v8"/></cpukind>'
        '<cpukind cpuset="0x00000ff0" forced_efficiency="1"><info name="DarwinCompatible" value="apple,everest;ARM,v8"/></cpukind>'
    )
    facts = {
        "OpenCLDeviceType": "GPU",
        "GPUVendor": "Apple",
        "GPUModel": "Apple M4 Pro",
        "OpenCLComputeUnits": "20",
        "OpenCLGlobalMemorySize": "18874368",
    }
    infos = "".join(f'<info name="{name}" value="{value}"/>' for name, value in facts.items())
    gpu = f'<object type="OSDev" gp_index="900" name="opencl0d0" subtype="OpenCL" osdev_type="5">{infos}</object>'
    return recording(12, 24 * GIB, "Apple M4 Pro", kinds, gpu)


def test_this_machine(jarvis2):
    machine = jarvis2("hw", "--json", expect=0).json
    assert {"cpu", "gpus", "memory", "zones", "workers"} <= machine.keys()
    cpu = machine["cpu"]
    for tier in cpu["tiers"]:
        assert {"name", "kind", "cores", "cpus"} <= tier.keys()
    assert sum(tier["cpus"] for tier in cpu["tiers"]) == cpu["logical"]
    assert cpu["performance_cores"] + cpu["efficiency_cores"] == sum(tier["cores"] for tier in cpu["tiers"])
    assert cpu["quota"] is None or cpu["quota"] > 0
    memory = machine["memory"]
    assert 0 < memory["limit_bytes"] <= memory["total_bytes"] <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 1.01
    assert memory["budget_bytes"] == memory["limit_bytes"] * 85 // 100
    assert sum(machine["zones"].values()) == memory["limit_bytes"]
    assert all(count >= 1 for count in machine["workers"].values())


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes can't be tied to CPUs here")
def test_affinity_is_respected(jarvis2):
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        machine = jarvis2("hw", "--json", expect=0).json
    finally:
        os.sched_setaffinity(0, allowed)
    assert machine["cpu"]["affinity"] == [min(allowed)]
    assert machine["workers"]["search"] == 1


def test_recorded_m4_pro(jarvis2, tmp_path):
    path = tmp_path / "m4pro.xml"
    path.write_text(m4_pro())
    machine = jarvis2("hw", "--topology", path, "--json", expect=0).json
    assert [(tier["name"], tier["kind"], tier["cores"], tier["cpus"]) for tier in machine["cpu"]["tiers"]] == [
        ("everest", "performance", 8, 8),
        ("sawtooth", "efficiency", 4, 4),
    ]
    assert machine["cpu"]["quota"] is None
    assert machine["gpus"] == [
        {"name": "Apple M4 Pro", "backend": "metal", "cores": 20, "memory_bytes": 18 * GIB, "unified": True}
    ]
    assert machine["memory"]["unified"] is True
    shares = {"neural": 6, "mcts": 4.8, "code_cache": 3.6, "vector_index": 3.6, "reserve": 6}
    assert {name: round(size / GIB, 6) for name, size in machine["zones"].items()} == shares
    assert machine["workers"] == {"neural": 5, "search": 8, "io": 8}


def test_text_names_tiers_zones_and_workers(jarvis2, tmp_path):
    path = tmp_path / "m4pro.xml"
    path.write_text(m4_pro())
    text = jarvis2("hw", "--topology", path, expect=0).stdout
    for part in ("Apple M4 Pro", "everest", "8 cores", "20 cores", "vector_index", "4.8 GiB", "neural 5, search 8, I/O 8"):
        assert part in text


@pytest.mark.parametrize("content", [None, "not XML", "<topology version='2.0'><object", "folder"])
def test_what_is_no_recording_is_one_line_and_status_2(jarvis2, tmp_path, content):
    path = tmp_path / "machine.xml"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_text(content)
    result = jarvis2("hw", "--topology", path, "--json", expect=2)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    assert str(path) in lines[0]
    if content is not None:
        assert "not a hwloc XML file" in lines[0]


def test_an_empty_path_is_not_this_machine(jarvis2):
    result = jarvis2("hw", "--topology", "", expect=2)
    assert result.stdout == ""
