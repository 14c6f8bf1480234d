"""What a process and its descendants use, from /proc."""

import os
from pathlib import Path

TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
# Of /proc/PID/stat, counted from the field after the name: the parent, and user and system time, dead
# threads included.
PARENT, USER_TICKS, SYSTEM_TICKS = 1, 11, 12


def members(pid):
    """`pid` and those below it; what ends meanwhile is left out. Not by task/*/children: few kernels have it."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = read(entry.name, "stat").rpartition(")")[2].split()
            if fields:
                children.setdefault(int(fields[PARENT]), []).append(int(entry.name))
    found = [pid]
    for each in found:  # grows as it goes
        found.extend(children.get(each, []))
    return found


def read(pid, name):
    """Empty if the process has ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text("utf-8", errors="replace")
    except OSError:
        return ""


def cpu_seconds(pid):
    """User and system time of all threads that there are and were, in steps of a tick (10 ms)."""
    ticks = 0
    for each in members(pid):
        fields = read(each, "stat").rpartition(")")[2].split()
        if fields:
            ticks += int(fields[USER_TICKS]) + int(fields[SYSTEM_TICKS])
    return ticks * TICK_SECONDS


def ksoftirqd_seconds(cpu):
    """What the kernel's thread that delivers what was sent in a batch has taken on that CPU; 0 if it can't be seen."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and read(entry.name, "comm") == f"ksoftirqd/{cpu}\n":
            return int((read(entry.name, "schedstat") or "0").split()[0]) / 1e9
    return 0


def resident_bytes(pid):
    total = 0
    for each in members(pid):
        lines = read(each, "status").split("VmRSS:")
        total += int(lines[1].split()[0]) * 1024 if len(lines) > 1 else 0
    return total
