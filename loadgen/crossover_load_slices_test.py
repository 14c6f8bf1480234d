"""Runs crossover-load --slices as duets do: orders on standard input, and what is told of each slice."""

import json
import signal
import sys
import time
import unittest

import crossover_load_test
from answering_server import Server
from crossover_load_test import run, start


def say(load, text):
    load.stdin.write(text)
    load.stdin.flush()


def await_event(load, name):
    while (event := json.loads(load.stdout.readline()))["event"] != name:
        pass
    return event


class CrossoverLoadSlicesTest(unittest.TestCase):

    def test_loads_in_slices_when_told_to(self):
        with Server() as server:
            load = start("-c", "4", "-t", "1", "--events", "--slices", server.url)
            slice_ = '{"command":"slice","duration_ns":50000000,"settle_ns":10000000}\n'
            out, err = load.communicate(slice_ + slice_ + '{"command":"end"}\n', timeout=120)
        events = [json.loads(line) for line in out.splitlines()]
        each = ["slice_settled", "slice_over", "slice_drained"]
        self.assertEqual([event["event"] for event in events], ["connected", *each, *each, "done"])
        counts = [event["verified"] for event in events[1:-1]]
        self.assertEqual(counts, sorted(counts))
        self.assertEqual(events[-2]["errors"], 0)
        result = events[-1]["result"]
        self.assertEqual(result["requests"]["verified"], counts[-1])
        self.assertEqual(result["requests"]["in_flight_at_end"], 0)
        self.assertEqual((load.returncode, err), (0, ""))

    def test_a_tail_ends_when_told_to(self):
        slice_ = '{"command":"slice","duration_ns":10000000,"tail_ns":86400000000000}\n'
        drain = '{"command":"drain"}\n'
        with Server() as server:
            load = start("-c", "4", "-t", "1", "--events", "--slices", server.url)
            self.addCleanup(load.kill)
            for _ in range(2):
                say(load, slice_)
                await_event(load, "slice_over")
                say(load, drain)
                await_event(load, "slice_drained")
            say(load, slice_)
            await_event(load, "slice_over")
            load.send_signal(signal.SIGINT)
            out, err = load.communicate(timeout=120)
        done = json.loads(out.splitlines()[-1])
        self.assertEqual(done["event"], "done")
        self.assertTrue(done["result"]["stopped_early"])
        self.assertEqual(err, "")

    def test_a_tail_ends_by_itself(self):
        slice_ = '{"command":"slice","duration_ns":10000000,"tail_ns":20000000}\n'
        with Server() as server:
            load = start("-c", "4", "-t", "1", "--events", "--slices", server.url)
            self.addCleanup(load.kill)
            for late in ("", '{"command":"drain"}\n'):  # which is not for the tail that comes
                begin_ns = time.monotonic_ns()
                say(load, late + slice_)
                drained = await_event(load, "slice_drained")
                self.assertGreaterEqual(drained["time_ns"] - begin_ns, 30_000_000)
            out, err = load.communicate('{"command":"end"}\n', timeout=120)
        self.assertEqual(json.loads(out)["event"], "done")
        self.assertEqual((load.returncode, err), (0, ""))

    def test_a_slice_that_makes_no_sense_is_refused(self):
        for line in ('{"command":"slice"}', '{"command":"slice","duration_ns":-1}',
                     '{"command":"slice","duration_ns":10,"settle_ns":10}', '{"command":"go"}',
                     '{"command":"slice","duration_ns":10,"tail_ns":"1s"}', '[]', 'slice'):
            with Server() as server:
                status, _, err = run("--events", "--slices", server.url, stdin=line + "\n")
            self.assertEqual((status, err.count("\n")), (2, 1))
            self.assertIn("got '%s'" % line, err)


if __name__ == "__main__":
    crossover_load_test.BINARY = sys.argv.pop(1)
    unittest.main()
