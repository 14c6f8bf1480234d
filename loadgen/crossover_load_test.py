"""Runs crossover-load as the harness does: events, commands, signals, files, exit statuses."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from answering_server import Server
from terminal import Terminal

BINARY = None


def start(*arguments):
    return subprocess.Popen([BINARY, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def run(*arguments, stdin=""):
    done = subprocess.run([BINARY, *arguments], input=stdin, capture_output=True, text=True,
                          timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


# Runs until it is stopped, and leaves the CPU to others.
ENDLESS = ("-c", "4", "-t", "2", "--rate", "200", "--warmup", "0s", "-d", "1h", "--interval", "100ms")
# Its exit statuses then: a connection may not have had its turn in the window.
ENDED_EARLY = (0, 1)


class CrossoverLoadTest(unittest.TestCase):

    def test_events_follow_in_order_and_wait_for_go(self):
        with Server() as server:
            load = start("-c", "4", "-t", "1", "--warmup", "20ms", "-n", "1000", "--events",
                         server.url)
            connected = json.loads(load.stdout.readline())
            self.assertEqual(connected["event"], "connected")
            self.assertEqual((connected["established"], connected["served"]), (4, 4))
            self.assertGreater(connected["connect_seconds"], 0)
            out, err = load.communicate('{"command":"go"}\n', timeout=120)
            events = [json.loads(line) for line in out.splitlines()]
            self.assertEqual([event["event"] for event in events],
                             ["warming", "measuring", "measured", "done"])
            times = [event["time_ns"] for event in [connected] + events]
            self.assertEqual(times, sorted(times))
            result = events[-1]["result"]
            self.assertEqual(result["window"]["start_ns"], events[1]["time_ns"])
            self.assertEqual(result["window"]["end_ns"], events[2]["time_ns"])
            self.assertEqual(result["requests"]["verified_in_window"], 1000)
            self.assertEqual(err, "")
            self.assertEqual(load.returncode, 0)

    def test_tells_intervals_if_asked_to(self):
        with Server() as server:
            load = start(*ENDLESS, "--events", server.url)
            load.stdin.write('{"command":"go"}\n')
            load.stdin.flush()
            events = []
            while [event["event"] for event in events].count("interval") < 3:
                events.append(json.loads(load.stdout.readline()))
            load.send_signal(signal.SIGINT)
            out, err = load.communicate(timeout=120)
        self.assertEqual(err, "")
        events += [json.loads(line) for line in out.splitlines()]
        self.assertEqual([event["event"] for event in events if event["event"] != "interval"],
                         ["connected", "warming", "measuring", "measured", "done"])
        self.assertEqual([event["event"] for event in events[:3]],
                         ["connected", "warming", "measuring"])
        intervals = [event for event in events if event["event"] == "interval"]
        self.assertEqual({each["phase"] for each in intervals} - {"drain"}, {"window"})
        result = events[-1]["result"]
        self.assertEqual(sum(each["verified"] for each in intervals),
                         result["requests"]["verified"] - 4)
        self.assertEqual(sum(each["errors"] for each in intervals), result["errors"])
        for before, each in zip(intervals, intervals[1:]):
            self.assertAlmostEqual(each["time_ns"] - before["time_ns"], each["seconds"] * 1e9, delta=1000)
            self.assertAlmostEqual(each["throughput_rps"] * each["seconds"], each["verified"])
            self.assertEqual(set(each["latency_ns"]), {"p50", "p99", "max"})
            self.assertLessEqual(each["in_flight"], 4)

    def test_shows_the_run_on_a_terminal_and_clears_it_away(self):
        with Server() as server:
            terminal = Terminal(BINARY, *ENDLESS, server.url)
            terminal.read_until(lambda: "█" in "".join(terminal.screen()))
            shown = terminal.screen()
            self.assertEqual([line.split()[0] for line in shown],
                             ["window", "throughput", "latency", "connections", "errors"])
            self.assertIn("4 of 4 established", shown[3])
            os.write(terminal.master, b"\x03")  # Ctrl-C
            self.assertIn(terminal.end(), ENDED_EARLY)
        left = terminal.screen()
        self.assertTrue(left[0].startswith("GET " + server.url), left)
        self.assertIn("(stopped early)", left[1])
        self.assertNotIn("█", "".join(left))
        self.assertEqual(len([line for line in left if line.startswith("errors")]), 1)

    def test_fits_into_a_terminal_however_small(self):
        for columns, rows in ((30, 4), (7, 2), (1, 1)):
            with Server() as server:
                terminal = Terminal(BINARY, *ENDLESS, server.url, columns=columns, rows=rows)
                terminal.read_until(lambda: terminal.raw.count("\033[J") >= 4)
                shown = terminal.screen()
                self.assertLess(len(shown), rows + 1)
                self.assertEqual(terminal.gone, [])
                self.assertEqual([line.split()[0] for line in shown],
                                 [title[:columns - 1] for title in
                                  ["window", "throughput", "latency"][:rows - 1]])
                terminal.process.send_signal(signal.SIGTERM)
                self.assertIn(terminal.end(), ENDED_EARLY)
            text = "".join(line.ljust(columns) for line in terminal.screen())
            self.assertTrue(text.startswith("GET " + server.url[:20]), text)

    def test_draws_afresh_below_what_was_written_while_it_was_stopped(self):
        # A picture that was on its way when it was stopped still goes over it.
        for _ in range(5):
            left = self.screen_after_a_stop()
            if "jobs" in left:
                break
        after = left[left.index("jobs") + 1:]
        self.assertTrue(after[0].startswith("GET "), left)

    def screen_after_a_stop(self):
        with Server() as server:
            terminal = Terminal(BINARY, *ENDLESS, server.url)
            terminal.read_until(lambda: terminal.raw.count("\033[J") >= 2)
            os.kill(terminal.process.pid, signal.SIGSTOP)
            os.waitpid(terminal.process.pid, os.WUNTRACED)
            os.write(terminal.master, b"jobs\n")  # the terminal echoes it
            terminal.read_until(lambda: "jobs" in terminal.screen())
            drawn = terminal.raw.count("\033[J")
            os.kill(terminal.process.pid, signal.SIGCONT)
            terminal.read_until(lambda: terminal.raw.count("\033[J") >= drawn + 2)
            os.write(terminal.master, b"\x03")
            self.assertIn(terminal.end(), ENDED_EARLY)
        return terminal.screen()

    def test_writes_no_escape_code_unless_to_a_terminal_for_people(self):
        with Server() as server:
            common = ("-c", "4", "-t", "1", "--warmup", "0s", "-n", "50", server.url)
            status, out, err = run(*common)
            self.assertIn(status, ENDED_EARLY)
            self.assertNotIn("\033", out + err)
            for arguments, term in ((("--no-live",), "xterm"), (("--json", "-"), "xterm"),
                                    ((), "dumb")):
                terminal = Terminal(BINARY, *arguments, *common, term=term)
                self.assertIn(terminal.end(), ENDED_EARLY)
                self.assertNotIn("\033", terminal.raw)

    def test_end_of_input_instead_of_go_gives_up(self):
        with Server() as server:
            status, out, _ = run("-c", "4", "-t", "1", "--events", server.url)
        events = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([event["event"] for event in events], ["connected", "done"])
        self.assertTrue(events[-1]["result"]["stopped_early"])
        self.assertEqual(events[-1]["result"]["requests"]["scheduled"], 4)
        self.assertEqual(status, 1)

    def test_anything_but_go_is_refused(self):
        with Server() as server:
            status, _, err = run("-c", "4", "-t", "1", "--events", server.url, stdin="hello\n")
        self.assertEqual(status, 2)
        self.assertEqual(len(err.splitlines()), 1)

    def test_signals_stop_it_early_with_a_report(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with Server() as server:
                load = start("-c", "4", "-t", "2", "--warmup", "0s", "-d", "1h", "--events",
                             server.url)
                load.stdin.write('{"command":"go"}\n')
                load.stdin.flush()
                while json.loads(load.stdout.readline())["event"] != "measuring":
                    pass
                load.send_signal(number)
                out, _ = load.communicate(timeout=120)
                done = json.loads(out.splitlines()[-1])
                self.assertEqual(done["event"], "done")
                self.assertTrue(done["result"]["stopped_early"])
                self.assertEqual(done["result"]["errors"], 0)

    def test_signal_while_it_waits_for_go(self):
        with Server() as server:
            load = start("-c", "2", "-t", "1", "--events", server.url)
            load.stdout.readline()
            load.send_signal(signal.SIGTERM)
            last = [json.loads(line) for line in iter(load.stdout.readline, "")][-1]
            load.communicate(timeout=120)
            self.assertEqual(last["event"], "done")
            self.assertEqual(load.returncode, 1)

    def test_paces_and_traces_an_open_schedule(self):
        for engine in ("epoll", "auto"):
            with Server() as server, tempfile.TemporaryDirectory() as folder:
                trace = os.path.join(folder, "trace.csv")
                hgrm = os.path.join(folder, "latency.hgrm")
                status, out, err = run("-c", "4", "-t", "2", "--warmup", "0s", "-d", "200ms", "--engine",
                                       engine, "--rate", "100-300@200ms", "--spin", "100us", "--trace",
                                       trace, "--hgrm", hgrm, "--json", "-", server.url)
                self.assertEqual((status, err), (0, ""))
                result = json.loads(out)
                self.assertEqual(result["schedule"], "constant")
                self.assertIn(result["engine"], ("epoll", "io_uring"))
                self.assertEqual(result["latency_ns"]["count"], 40)  # 200 a second on average
                self.assertEqual(result["lag_ns"]["count"], 40)
                self.assertEqual(sorted(os.listdir(folder)), ["latency.hgrm", "trace.csv"])
                with open(trace, encoding="ascii") as lines:
                    names, *rows = [line.rstrip("\n").split(",") for line in lines]
                self.assertEqual(names, ["connection", "due_ns", "sent_ns", "first_byte_ns", "done_ns"])
                self.assertEqual(len(rows), 40)
                self.assertEqual({row[0] for row in rows}, {"0", "1", "2", "3"})
                for row in rows:
                    times = [int(time) for time in row[1:]]
                    self.assertEqual(times, sorted(times))
                with open(hgrm, encoding="ascii") as lines:
                    self.assertIn("Total count    =           40]", lines.read())

    def test_refuses_schedules_that_make_no_sense(self):
        for arguments in (("--rate", "fast"), ("--rate", "0"), ("--rate", "10", "--think", "1ms"),
                          ("--arrivals", "poisson"), ("--rate", "10", "--arrivals", "even"),
                          ("--shed-after", "1ms"), ("--think-exponential",), ("--engine", "select"),
                          ("--spin", "1")):
            status, out, err = run(*arguments, "http://127.0.0.1:9/")
            self.assertEqual((status, out), (2, ""), arguments)
            self.assertEqual(len(err.splitlines()), 1, err)

    def test_writes_json_to_a_file_and_to_standard_output(self):
        with Server() as server, tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "result.json")
            common = ("-c", "4", "-t", "1", "--warmup", "0s", "-n", "1000", server.url)
            status, out, _ = run("--json", path, *common)
            self.assertEqual(status, 0)
            self.assertIn("throughput", out)
            self.assertEqual(os.listdir(folder), ["result.json"])
            with open(path, encoding="utf-8") as file:
                self.check_result(json.load(file))
            status, out, _ = run("--json", "-", *common)
            self.assertEqual(status, 0)
            self.check_result(json.loads(out))
            status, _, err = run("--json", os.path.join(folder, "none", "x"), *common)
            self.assertEqual(status, 2)
            self.assertEqual(len(err.splitlines()), 1)

    def check_result(self, result):
        requests, connections = result["requests"], result["connections"]
        outcomes = ("verified", "wrong_status", "wrong_body", "malformed", "truncated", "reset",
                    "timed_out", "in_flight_at_end")
        self.assertEqual(requests["scheduled"], sum(requests[name] for name in outcomes))
        outcomes = ("established", "refused", "timed_out", "reset", "no_port", "other")
        self.assertEqual(connections["asked"], sum(connections[name] for name in outcomes))
        self.assertEqual(connections["established"],
                         connections["served"] + connections["starved"])
        self.assertEqual(result["latency_ns"]["count"], 1000)
        for times in (result["latency_ns"], result["connect_ns"]):
            order = [times[name] for name in ("p50", "p90", "p99", "p999", "max")]
            self.assertEqual(order, sorted(order))
        self.assertAlmostEqual(result["throughput_rps"] * result["window"]["seconds"], 1000)
        self.assertEqual(len(result["client_cpu"]["threads"]), 1)

    def test_refused_by_all_is_a_failure_with_a_clear_line(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = "http://127.0.0.1:%d/" % taken.getsockname()[1]
            status, out, err = run("-c", "3", "-t", "1", url)
        self.assertEqual(status, 1)
        self.assertIn("3 refused", out)
        self.assertEqual(len(err.splitlines()), 1)
        self.assertIn("refused", err)

    def test_bad_arguments_are_one_line_and_exit_2(self):
        url = "http://127.0.0.1:9/"
        for arguments in ([], ["-c", "1", "-t", "2", url], ["-d", "5", url], ["-d", "0s", url],
                          ["https://x/"], ["-c", "x", url], ["--nonsense", url],
                          ["-n", "5", "-d", "1s", url], ["-n", "0", url], ["--cpus", "a", url],
                          ["--method", "BREW", url], ["--body-bytes", "5", url],
                          ["-c", "900000", url], ["-c", "-1", url], ["--events", "--json", "-", url],
                          ["--interval", "99ms", url], ["--interval", "1", url],
                          ["--events", "--interval", "1ms", url], ["--live", url],
                          ["--live", "--events", url], ["--live", "--no-live", url],
                          ["http://no-such-host.invalid/"]):
            status, out, err = run(*arguments)
            self.assertEqual((status, out), (2, ""), arguments)
            self.assertEqual(len(err.splitlines()), 1, err)
            self.assertTrue(err.startswith("crossover-load: "), err)

    def test_calibrates_against_its_own_responder(self):
        status, out, err = run("--calibrate", "-c", "8", "--engine", "epoll", "--warmup", "0s",
                               "-d", "100ms", "--json", "-")
        result = json.loads(out)
        self.assertEqual(err, "")
        self.assertEqual(result["schema"], "crossover-calibration/1")
        self.assertEqual([each["connections"] for each in result["runs"]], [1, 8, 200])
        for each in result["runs"]:
            self.assertEqual((each["engine"], each["threads"], each["errors"]), ("epoll", 1, 0))
            self.assertGreater(each["throughput_rps"], 0)
        allowed = sorted(os.sched_getaffinity(0))
        self.assertEqual(result["responder_cpu"], allowed[0])
        self.assertEqual(result["client_cpus"], (allowed * 2)[1:2])
        self.assertEqual(result["cpu_shared"], len(allowed) == 1)
        # In so short a window a busy machine may leave a connection unserved; that is told then.
        self.assertEqual(result["flawless"], not any(each["starved"] for each in result["runs"]))
        self.assertEqual(status, 0 if result["flawless"] else 1)

    def test_calibration_ends_with_a_signal_and_leaves_no_responder(self):
        for number, expected in ((signal.SIGINT, 1), (signal.SIGKILL, -signal.SIGKILL)):
            load = start("--calibrate", "-d", "1h")
            children = f"/proc/{load.pid}/task/{load.pid}/children"
            responders = []
            while not responders:
                self.assertIsNone(load.poll())
                with open(children, encoding="ascii") as file:
                    responders = file.read().split()
            ended = os.pidfd_open(int(responders[0]))
            load.send_signal(number)
            load.communicate(timeout=120)
            self.assertEqual(load.returncode, expected)
            self.assertTrue(select.select([ended], [], [], 120)[0])
            os.close(ended)

    def test_calibration_refuses_what_has_no_part_in_it(self):
        for arguments in (["http://127.0.0.1:9/"], ["--rate", "5"], ["-n", "5"], ["--events"],
                          ["-c", "0"], ["-t", "5000"], ["-d", "0s"], ["--cpus", "1000"]):
            status, out, err = run("--calibrate", *arguments)
            self.assertEqual((status, out), (2, ""), arguments)
            self.assertEqual(len(err.splitlines()), 1, err)

    def test_help(self):
        status, out, _ = run("--help")
        self.assertEqual(status, 0)
        for text in ("--connections", "--requests", "--events", "--calibrate", "--interval",
                     "--no-live", "Exit status"):
            self.assertIn(text, out)


if __name__ == "__main__":
    BINARY = sys.argv.pop(1)
    unittest.main()
