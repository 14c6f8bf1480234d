"""Real clients, curl and wrk, against every architecture; and the server as a process."""

import http.client
import os
import re
import signal
import subprocess
import sys
import unittest

from server_process import Server, architectures

SERVER = sys.argv.pop()


def serve(architecture: str, *options: str, **how: int) -> Server:
    return Server(SERVER, architecture, *options, **how)


def curl(*arguments: str) -> str:
    command = ["curl", "--silent", "--show-error", "--max-time", "60", "--noproxy", "*", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def for_each_architecture(test):
    """Runs `test(self, server)` with a server of each architecture."""

    def run(self: unittest.TestCase) -> None:
        for name in architectures(SERVER):
            with self.subTest(architecture=name), serve(name) as server:
                test(self, server)

    return run


class Clients(unittest.TestCase):
    @for_each_architecture
    def test_curl_gets_every_path(self, server: Server) -> None:
        self.assertEqual(curl(server.url + "/"), "Hello, C++")
        self.assertEqual(len(curl(server.url + "/bytes/100000")), 100000)
        self.assertEqual(curl(server.url + "/cpu/100"), "Hello, C++")
        self.assertEqual(curl(server.url + "/wait/1000"), "Hello, C++")
        status = ["--output", "/dev/null", "--write-out", "%{http_code}"]
        self.assertEqual(curl(*status, server.url + "/nowhere"), "404")
        self.assertEqual(curl(*status, "--request", "DELETE", server.url + "/"), "405")

    @for_each_architecture
    def test_curl_speaks_the_dialects(self, server: Server) -> None:
        body = "x" * 5000
        self.assertIn("Content-Length: 10\n", curl("--head", server.url + "/"))
        self.assertEqual(curl("--http1.0", server.url + "/"), "Hello, C++")
        self.assertEqual(curl("--header", "Connection: close", server.url + "/"), "Hello, C++")
        echo = server.url + "/echo"
        self.assertEqual(curl("--data", body, echo), body)
        self.assertEqual(curl("--data", body, "--header", "Transfer-Encoding: chunked", echo), body)
        expect = ["--header", "Expect: 100-continue", "--expect100-timeout", "50"]
        self.assertEqual(curl("--data", body, *expect, echo), body)

    @for_each_architecture
    def test_curl_reuses_its_connection(self, server: Server) -> None:
        self.assertEqual(curl(*[server.url + "/"] * 5), "Hello, C++" * 5)
        done = server.end()
        self.assertEqual((done["accepted"], done["requests"]), (1, 5))

    @for_each_architecture
    def test_wrk_reports_no_error(self, server: Server) -> None:
        command = ["wrk", "-t", "1", "-c", "64", "-d", "1s", server.url + "/"]
        report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.assertNotIn("Socket errors", report)
        self.assertNotIn("Non-2xx", report)
        requests = int(re.search(r"(\d+) requests in", report)[1])
        self.assertGreater(requests, 64)
        done = server.end()
        self.assertGreaterEqual(done["requests"], requests)
        self.assertEqual((done["protocol_errors"], done["accept_errors"]), (0, 0))


class Process(unittest.TestCase):
    def test_ends_with_its_counters_on_either_signal(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            with serve("epoll-pool") as server:
                curl(server.url + "/")
                done = server.end(number)
                self.assertEqual((done["event"], done["requests"], done["open"]), ("done", 1, 0))

    def test_answers_commands(self) -> None:
        with serve("thread-per-connection") as server:
            curl(server.url + "/")
            counters = server.command("counters")
            self.assertEqual(counters["event"], "counters")
            self.assertGreater(counters["rusage"]["voluntary_switches"], 0)
            self.assertGreater(counters["time_ns"], server.ready["time_ns"])
            self.assertEqual(server.command("dance")["event"], "error")
            self.assertEqual(server.command(5)["event"], "error")
            self.assertEqual(server.command("stop")["event"], "done")
            self.assertEqual(server.process.wait(timeout=60), 0)

    def test_control_keeps_to_its_cpus_and_the_others_to_theirs(self) -> None:
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) < 2:
            self.skipTest("there is one CPU only")
        with serve("epoll-pool", "--control-cpus", str(allowed[-1])) as server:
            pid = server.process.pid
            self.assertEqual(curl(server.url + "/"), "Hello, C++")  # its threads have begun
            self.assertEqual(os.sched_getaffinity(pid), {allowed[-1]})
            others = [int(thread) for thread in os.listdir(f"/proc/{pid}/task") if int(thread) != pid]
            self.assertGreater(len(others), 1)
            for thread in others:
                self.assertEqual(os.sched_getaffinity(thread), set(allowed))

    def test_takes_more_cpu_if_asked_to(self) -> None:
        with serve("event-loop", "--slow-down", "300%") as server:
            client = http.client.HTTPConnection("127.0.0.1", server.ready["port"])
            for _ in range(2 * 64):  # of which 64 at least are spun for
                client.request("GET", "/cpu/500")
                self.assertEqual(client.getresponse().read(), b"Hello, C++")
            rusage = server.command("counters")["rusage"]
            client.close()
            self.assertGreater(rusage["user_us"] + rusage["system_us"], (128 + 3 * 64) * 500)

    def test_serves_without_a_stdin(self) -> None:
        with serve("epoll-pool", stdin=subprocess.DEVNULL) as server:
            self.assertEqual(curl(server.url + "/"), "Hello, C++")
            self.assertEqual(server.end()["requests"], 1)

    def test_refuses_bad_arguments_in_one_line(self) -> None:
        listening = serve("epoll-pool")
        with listening:
            for arguments in (
                [],
                ["--architecture", "epol-pool"],
                ["--architecture", "epoll-pool", "--listen", "here"],
                ["--architecture", "epoll-pool", "--listen", f"127.0.0.1:{listening.ready['port']}"],
                ["--architecture", "epoll-pool", "--workers", "-1"],
                ["--architecture", "worker-pool", "--overflow", "explode"],
                ["--architecture", "worker-pool", "--idle-timeout", "60"],
                ["--architecture", "epoll-pool", "--control-cpus", "all"],
                ["--architecture", "epoll-pool", "--control-cpus", "1023"],
                ["--architecture", "epoll-pool", "--slow-down", "3"],
                ["--nonsense"],
            ):
                command = [SERVER, *arguments]
                result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
                self.assertEqual(result.returncode, 2, arguments)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
                self.assertEqual(result.stdout, "")


if __name__ == "__main__":
    os.environ.pop("http_proxy", None)
    unittest.main(verbosity=1)
