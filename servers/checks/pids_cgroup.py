"""A cgroup that limits how many threads there are in it; RLIMIT_NPROC doesn't bind root."""

import os
import time
from pathlib import Path

from finding import Skipped

REMOVE_SECONDS = 10


def parents():
    """Folders in which a group with pids.max can be made: of cgroup v1, and of v2 where the controller is."""
    for line in Path("/proc/self/mounts").read_text("ascii").splitlines():
        _, where, kind, options = line.split()[:4]
        if kind == "cgroup" and "pids" in options.split(","):
            yield Path(where)
        if kind == "cgroup2":
            yield Path(where)


class PidsCgroup:
    """Removed with the block; its processes must have ended. Raises Skipped where there can be none."""

    def __init__(self):
        reasons = []
        for parent in parents():
            self.folder = parent / f"crossover-check-{os.getpid()}"
            try:
                self.folder.mkdir()
            except OSError as error:
                reasons.append(f"{parent}: {error.strerror}")
                continue
            if (self.folder / "pids.max").exists():
                return
            self.folder.rmdir()
            reasons.append(f"{parent}: no pids controller")
        raise Skipped(f"no cgroup to limit threads with ({'; '.join(reasons) or 'none mounted'})")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end = time.monotonic() + REMOVE_SECONDS
        while True:
            try:
                self.folder.rmdir()
                return
            except OSError:  # busy until the kernel is through with what has ended
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def enter(self):
        """For the child, before it becomes the program."""
        (self.folder / "cgroup.procs").write_text("0", "ascii")

    def current(self):
        return int((self.folder / "pids.current").read_text("ascii"))

    def limit(self, most):
        (self.folder / "pids.max").write_text(str(most), "ascii")
