#!/usr/bin/python3
"""Runs clang-tidy over every source but tests, and ends with 1 if it finds something.

    lint.py BUILD JOBS

BUILD has been configured as a unity build (CMAKE_UNITY_BUILD): its batches are what is looked at, for of
ten files ten times the same headers would take nearly all of the time. Each batch is copied into one file,
since clang-tidy does not look at files that are included as closely as at the main file; what it says is
printed with the names and lines of the sources.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from bisect import bisect
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Batch:
    path: Path
    compiler: list[str]  # the command's arguments, without what is compiled and what it makes
    sources: list[Path]
    starts: list[int] = field(default_factory=list)  # where each source starts, from 0 on

    def write(self) -> None:
        text = ""
        for source in self.sources:
            self.starts.append(text.count("\n"))
            text += source.read_text(encoding="utf-8")
        self.path.write_text(text, encoding="utf-8")

    def with_sources(self, output: str) -> str:
        """What clang-tidy said, with the sources' names and lines for those of the batch."""

        def place(match: re.Match[str]) -> str:
            line = int(match[1])
            at = bisect(self.starts, line - 1) - 1
            return f"{self.sources[at].relative_to(ROOT)}:{line - self.starts[at]}:"

        return re.sub(rf"{re.escape(str(self.path))}:(\d+):", place, output)

    def check(self) -> str:
        """What was found; empty if nothing was."""
        self.write()
        command = ["clang-tidy", "--quiet", str(self.path), "--", *self.compiler]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0:
            return ""
        return self.with_sources(done.stdout + done.stderr) + f"clang-tidy ended with {done.returncode}\n"


def wanted_sources() -> set[Path]:
    command = ["git", "-C", str(ROOT), "ls-files", "*.cc"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return {ROOT / name for name in names if not name.endswith(("_test.cc", "_bench.cc"))}


def batches(build: Path, wanted: set[Path]) -> list[Batch]:
    """Every source once, in the first batch that has it."""
    (build / "batches").mkdir(exist_ok=True)
    left, found = set(wanted), []
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        file = Path(entry["file"])
        included = re.findall(r'#include "(.*\.cc)"', file.read_text(encoding="utf-8"))
        sources = [path for path in (Path(name) for name in included or [file]) if path in left]
        if sources:
            left -= set(sources)
            command = shlex.split(entry["command"])
            path = build / "batches" / f"{len(found)}.cc"
            found.append(Batch(path, command[1 : command.index("-o")], sources))
    if left:
        sys.exit(f"lint.py: not in any target: {', '.join(sorted(map(str, left)))}")
    return found


def main() -> int:
    build, jobs = Path(sys.argv[1]).resolve(), int(sys.argv[2])
    with ThreadPoolExecutor(jobs) as pool:
        found = [text for text in pool.map(Batch.check, batches(build, wanted_sources())) if text]
    print("\n".join(found), end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
