"""crossover-costs: every cost has its figure or the reason why not, and nothing is left behind."""

import json
import os
import resource
import select
import signal
import subprocess
import sys
import unittest

PROGRAM = sys.argv.pop()

SINGLE = {
    "system_call", "pingpong_futex", "pingpong_pipe", "pingpong_eventfd", "futex_wake", "futex_wake_none",
    "futex_wait_changed", "preemption", "thread_create_join", "handoff_stack", "handoff_queue", "coroutine_switch", "fiber_switch",
    "asio_handler", "uring_enter",
}
PER_CONNECTION = {
    "session", "session_own_stack", "receive", "send", "request", "receive_empty", "rearm", "register", "asio_request", "uring_request",
    "switch_closed",
}
MAY_BE_REFUSED = {"uring_enter", "uring_request", "preemption"}  # in a container; by the scheduler


def run(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=240, **options)


def key(event: dict) -> tuple:
    return event["name"], event.get("connections"), event.get("ready")


@unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "needs two CPUs")
class Costs(unittest.TestCase):
    def events(self, *arguments: str, **options) -> list[dict]:
        result = run("--seconds", "0.001", "--events", *arguments, **options)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        events = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(events.pop(), {"event": "done"})
        return events

    def test_every_cost_has_its_figure(self) -> None:
        events = self.events("--connections", "20")
        expected = {(name, None, None) for name in SINGLE} | {(name, 20, None) for name in PER_CONNECTION}
        self.assertEqual(sorted(map(str, map(key, events))), sorted(map(str, expected | {("wait", 20, 1), ("wait_closed", 20, 1)})))
        for event in events:
            if event["event"] == "unavailable":
                self.assertIn(event["name"], MAY_BE_REFUSED)
                self.assertTrue(event["why"])
            else:
                self.assertEqual(event["event"], "cost")
                self.assertGreater(event["ns"], 0, event)
                self.assertGreaterEqual(event["spread"], 0, event)

    def test_waits_for_each_number_that_can_be_ready(self) -> None:
        events = self.events("--connections", "64,100", "--only", "wait,wait_closed")
        self.assertEqual([key(event) for event in events],
                         [(name, n, ready) for n in (64, 100) for ready in (1, 64)
                          for name in ("wait", "wait_closed")])
        self.assertTrue(all(event["ns"] > 0 for event in events), events)

    def test_says_why_there_is_none(self) -> None:
        def few_files() -> None:
            # Nor may a privileged one raise it: nothing but the soft limit is below it.
            resource.setrlimit(resource.RLIMIT_NOFILE, (150, 150))
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)

        events = self.events("--connections", "20,400", "--only", "receive,switch_closed,system_call", preexec_fn=few_files)
        self.assertEqual([(event["event"], *key(event)[:2]) for event in events],
                         [("cost", "system_call", None), ("cost", "receive", 20), ("cost", "switch_closed", 20),
                          ("unavailable", "receive", 400), ("unavailable", "switch_closed", 400)])
        self.assertIn("open files", events[-1]["why"])

    def test_table(self) -> None:
        result = run("--seconds", "0.001", "--only", "system_call,wait", "--connections", "2")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        lines = result.stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines], ["cost", "system_call", "wait"])
        self.assertIn("getppid()", lines[1])

    def test_refuses_what_it_does_not_understand(self) -> None:
        cpu = str(min(os.sched_getaffinity(0)))
        for arguments, said in (
            (["--connections", "0"], "--connections"),
            (["--connections", "many"], "--connections"),
            (["--seconds", "0"], "--seconds"),
            (["--only", "recieve"], "recieve"),
            (["--server-cpu", "99999"], "99999"),
            (["--server-cpu", cpu, "--client-cpu", cpu], "two CPUs"),
            (["--loud"], "--loud"),
        ):
            result = run(*arguments)
            self.assertEqual((result.returncode, result.stdout), (2, ""), arguments)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertIn(said, result.stderr)

    def test_a_killed_one_leaves_no_peer(self) -> None:
        command = [PROGRAM, "--connections", "20", "--seconds", "50", "--only", "receive", "--events"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
            children = f"/proc/{program.pid}/task/{program.pid}/children"
            peers: list[str] = []
            while not peers and program.poll() is None:
                with open(children, encoding="ascii") as file:
                    peers = file.read().split()
            self.assertEqual(len(peers), 1)
            peer = os.pidfd_open(int(peers[0]))
            program.send_signal(signal.SIGKILL)
            self.assertEqual(select.select([peer], [], [], 60)[0], [peer], "the peer lives on")
            os.close(peer)


if __name__ == "__main__":
    unittest.main(verbosity=1)
