"""crossover-server and crossover-load as processes, for tests and checks."""

import ctypes
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

END_SECONDS = 60
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def architectures(binary: object) -> list[str]:
    return subprocess.run([binary, "--list"], capture_output=True, text=True, check=True).stdout.split()


def dying_with_parent(then: Callable[[], object] | None = None,
                      number: int = signal.SIGKILL) -> Callable[[], None]:
    """For preexec_fn: the child gets that signal when the thread that started it ends; runs `then`."""

    def prepare() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, number)
        if then:
            then()

    return prepare


class Program:
    """A program that tells events in lines of JSON on its standard output; ended with the block."""

    def __init__(self, command: list[object], stdin: int = subprocess.PIPE, stderr: int | None = None,
                 prepare: Callable[[], object] | None = None) -> None:
        self.process = subprocess.Popen([str(word) for word in command], stdin=stdin, stdout=subprocess.PIPE,
                                        stderr=stderr, text=True, preexec_fn=dying_with_parent(prepare))

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def say(self, command: object) -> None:
        self.process.stdin.write(json.dumps({"command": command}) + "\n")
        self.process.stdin.flush()

    def line(self) -> dict:
        text = self.process.stdout.readline()
        if not text:
            status = self.process.wait(timeout=END_SECONDS)
            raise RuntimeError(f"{self.process.args[0]} ended with {status} before it answered")
        return json.loads(text)

    def event(self, name: str) -> dict:
        while (event := self.line())["event"] != name:
            pass
        return event


class Server(Program):
    """A crossover-server on a free port."""

    def __init__(self, binary: object, architecture: str, *options: object, listen: str = "127.0.0.1",
                 **how: object) -> None:
        super().__init__([binary, "--architecture", architecture, "--listen", f"{listen}:0", *options], **how)
        try:
            self.ready = self.line()
        except BaseException:
            self.__exit__()
            raise
        self.pid = self.process.pid
        self.address = (listen, self.ready["port"])
        self.url = f"http://{listen}:{self.ready['port']}"

    def command(self, name: object) -> dict:
        self.say(name)
        return self.line()

    def counters(self) -> dict:
        return self.command("counters")

    def await_counters(self, reached: Callable[[dict], bool], seconds: float = 30) -> dict:
        """The counters once `reached` says so, or what they are after that time."""
        for counters in self.watch(seconds):
            if reached(counters):
                break
        return counters

    def watch(self, seconds: float) -> Iterator[dict]:
        """The counters every now and then for that time; once at least."""
        end = time.monotonic() + seconds
        while True:
            yield self.counters()
            if time.monotonic() > end:
                return
            time.sleep(0.02)

    def end(self, number: int = signal.SIGTERM) -> dict:
        """Ends it by a signal; its last line."""
        self.process.send_signal(number)
        return self.last_line()

    def last_line(self) -> dict:
        """Waits for its end, which must be a good one."""
        assert self.process.wait(timeout=END_SECONDS) == 0, self.process.returncode
        return json.loads(self.process.stdout.read().splitlines()[-1])


class Load(Program):
    """A crossover-load; go() lets it begin once it has connected."""

    def __init__(self, binary: object, url: str, *options: object,
                 prepare: Callable[[], object] | None = None) -> None:
        super().__init__([binary, "--events", *options, url], prepare=prepare)

    def go(self) -> None:
        self.event("connected")
        self.say("go")

    def result(self, seconds: float) -> dict:
        """What it reports; within that time."""
        watchdog = threading.Timer(seconds, self.process.kill)
        watchdog.start()
        try:
            return self.event("done")["result"]
        finally:
            watchdog.cancel()
