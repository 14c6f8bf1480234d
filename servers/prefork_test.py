"""The processes of prefork: kept ready, replaced, let go, and none left behind, whoever is killed."""

import os
import resource
import select
import signal
import socket
import subprocess
import sys
import unittest

from server_process import END_SECONDS, Server

SERVER = sys.argv.pop()
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SPARE_MAX = 10
NOBODY = 65534


class Prefork(Server):
    def __init__(self, *options: object, **how: object) -> None:
        super().__init__(SERVER, "prefork", *options, **how)
        self.clients: list[socket.socket] = []

    def __exit__(self, *reason: object) -> None:
        for client in self.clients:
            client.close()
        super().__exit__(*reason)

    def processes(self) -> list[int]:
        return self.command("processes")["pids"]

    def await_processes(self, reached) -> list[int]:
        """What there is besides the server itself, once `reached` says so; its parent is the last."""
        for _ in self.watch(END_SECONDS):
            found = self.processes()[1:]
            if reached(found):
                return found
        raise AssertionError(found)

    def connect(self, send: bytes = b"") -> socket.socket:
        client = socket.create_connection(self.address, timeout=END_SECONDS)
        self.clients.append(client)
        client.sendall(send)
        return client


def await_end(handles: list[int]) -> bool:
    """Of pidfds: true if all have ended within that time."""
    waiting = select.poll()
    for handle in handles:
        waiting.register(handle, select.POLLIN)
    left = set(handles)
    while left:
        ended = waiting.poll(END_SECONDS * 1000)
        if not ended:
            return False
        for handle, _ in ended:
            waiting.unregister(handle)
            left.discard(handle)
    return True


class Processes(unittest.TestCase):
    def answered(self, client: socket.socket) -> None:
        self.assertTrue(client.recv(1000).startswith(b"HTTP/1.1 200 OK"))

    def handles(self, server: Prefork) -> list[int]:
        """To tell the end of all its processes, parent and workers, while some are served."""
        handles = [os.pidfd_open(pid) for pid in server.await_processes(lambda found: len(found) > 6)]
        for handle in handles:
            self.addCleanup(os.close, handle)
        return handles

    def test_all_end_with_a_server_that_is_killed(self) -> None:
        with Prefork() as server:
            clients = [server.connect(GET) for _ in range(4)]
            for client in clients:
                self.answered(client)
            handles = self.handles(server)
            server.process.kill()
            self.assertTrue(await_end(handles))

    def test_all_end_with_a_parent_that_is_killed_and_the_server_says_so(self) -> None:
        with Prefork(stderr=subprocess.PIPE) as server:
            clients = [server.connect(GET) for _ in range(4)]
            for client in clients:
                self.answered(client)
            handles = self.handles(server)
            os.kill(server.processes()[-1], signal.SIGKILL)
            self.assertTrue(await_end(handles))
            self.assertEqual(server.process.wait(timeout=END_SECONDS), 2)
            self.assertEqual(server.process.stderr.read(),
                             "crossover-server: prefork: the parent of the workers was killed by signal 9\n")

    def test_all_end_with_the_drain(self) -> None:
        with Prefork() as server:
            clients = [server.connect(GET) for _ in range(50)]
            for client in clients:
                self.answered(client)
            handles = self.handles(server)
            done = server.end()
            self.assertEqual((done["requests"], done["open"], done["thread_failures"]), (50, 0, 0))
            self.assertTrue(await_end(handles))

    def test_a_worker_that_crashes_is_counted_and_replaced(self) -> None:
        with Prefork("--workers-max", 1) as server:
            first = server.connect(GET)
            self.answered(first)
            worker = server.processes()[1]
            handle = os.pidfd_open(worker)
            self.addCleanup(os.close, handle)
            os.kill(worker, signal.SIGSEGV)
            self.assertTrue(await_end([handle]))
            with server.connect(GET) as second:
                self.answered(second)
            counters = server.await_counters(lambda now: now["open"] == 0)
            self.assertEqual((counters["thread_failures"], counters["open"]), (1, 0))
            listed = server.command("processes")
            self.assertEqual(listed["ended"], 1)
            self.assertNotIn(worker, listed["pids"])
            self.assertFalse(os.path.exists(f"/proc/{worker}"))  # nor is it a zombie
            self.assertEqual(server.end()["thread_failures"], 1)

    def test_at_the_limit_connections_wait_unanswered(self) -> None:
        with Prefork("--workers-max", 2) as server:
            served = [server.connect(GET) for _ in range(2)]
            for client in served:
                self.answered(client)
            waiting = server.connect(GET)
            self.assertEqual(server.counters()["accepted"], 2)
            served.pop().close()
            self.answered(waiting)
            self.assertEqual(len(server.processes()), 2 + 2)
            done = server.end()
            self.assertEqual((done["accepted"], done["requests"], done["rejected"]), (3, 3, 0))

    def test_the_drain_serves_those_who_wait_at_the_limit(self) -> None:
        with Prefork("--workers-max", 1) as server:
            clients = [server.connect(GET) for _ in range(3)]
            self.answered(clients[0])
            done = server.end()
            for client in clients[1:]:
                self.answered(client)
            self.assertEqual((done["accepted"], done["requests"]), (3, 3))

    def test_workers_that_nobody_needs_are_let_go(self) -> None:
        with Prefork() as server:
            clients = [server.connect(GET) for _ in range(40)]
            for client in clients:
                self.answered(client)
            self.assertGreaterEqual(len(server.processes()), 2 + 40)
            for client in clients:
                client.close()
            server.await_processes(lambda found: len(found) <= 1 + SPARE_MAX)
            with server.connect(GET) as client:
                self.answered(client)
            self.assertEqual(server.end()["thread_failures"], 0)

    @unittest.skipIf(os.geteuid() != 0, "a limit of processes of its own takes another user")
    def test_survives_the_end_of_processes(self) -> None:
        def become_nobody() -> None:
            resource.setrlimit(resource.RLIMIT_NPROC, (12, 12))
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)

        if subprocess.run(["test", "-x", SERVER], preexec_fn=become_nobody, check=False).returncode != 0:
            self.skipTest("the server is where only root may run it")
        with Prefork(prepare=become_nobody) as server:
            clients = [server.connect(GET) for _ in range(20)]
            counters = server.await_counters(lambda now: now["thread_failures"] > 1 and now["requests"] > 0)
            self.assertGreater(counters["thread_failures"], 1)
            self.assertLess(counters["accepted"], 20)
            for client in clients:  # each that ends makes way for another
                self.answered(client)
                client.close()
            done = server.end()
            self.assertEqual((done["requests"], done["open"]), (20, 0))

    def test_refuses_flags_that_mean_nothing_here(self) -> None:
        for flag in (["--overflow", "queue"], ["--stack-bytes", "65536"], ["--workers", "2"]):
            command = [SERVER, "--architecture", "prefork", "--listen", "127.0.0.1:0", *flag]
            result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn("prefork has no such knob", result.stderr)
            self.assertEqual(len(result.stderr.splitlines()), 1)


if __name__ == "__main__":
    unittest.main(verbosity=1)
