"""jarvis2 top: a sample, and the view in a terminal."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

from conftest import PROGRAM


def test_one_sample(jarvis2):
    sample = jarvis2("top", "--once", "--json", expect=0).json
    assert sample["cpu"]["tiers"]
    for tier in sample["cpu"]["tiers"]:
        assert 0 <= tier["utilization"] <= 1
    memory = sample["memory"]
    assert 0 < memory["used_bytes"] <= memory["total_bytes"]
    assert 0 <= memory["pressure"] <= 1
    assert memory["pressure_source"] in ("psi", "macos", "estimated")
    for gpu in sample["gpus"]:
        assert {"utilization", "source", "memory_bytes"} <= gpu.keys()
        assert gpu["source"] in ("nvml", "ioreg", "sysfs", "estimated", "n/a")
        assert (gpu["utilization"] is None) == (gpu["source"] == "n/a")


def test_busy_work_is_seen(jarvis2):
    burner = subprocess.Popen(["python3", "-c", "while True: pass"])
    try:
        sample = jarvis2("top", "--once", "--json", "--interval", "1", expect=0).json
    finally:
        burner.kill()
        burner.wait()
    assert max(sample["cpu"]["cpus"]) > 0.3


def test_text(jarvis2):
    text = jarvis2("top", "--once", expect=0).stdout
    for part in ("CPU", "Memory", "pressure"):
        assert part in text


def test_the_view_draws_and_quits(environment):
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    environment = {**environment, "TERM": "xterm-256color"}
    process = subprocess.Popen([str(PROGRAM), "top", "--interval", "0.2"], stdin=child, stdout=child, stderr=child, env=environment)
    os.close(child)
    seen = b""
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline and not (b"Processes" in seen and b"quit" in seen):
            if select.select([parent], [], [], 1)[0]:
                seen += os.read(parent, 65536)
        os.write(parent, b"mq")
        while process.poll() is None and time.monotonic() < deadline:
            try:
                if select.select([parent], [], [], 0.2)[0]:
                    os.read(parent, 65536)
            except OSError:
                break
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(parent)
    for part in (b"Memory", b"Processes", b"quit"):
        assert part in seen, seen[-500:]
