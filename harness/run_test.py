#!/usr/bin/python3
"""The whole of crossover against children that break off in every way: run_test.py BUILD_DIR.

The fake children behave as the architecture and the path of the URL tell them (see testing/). With
the real programs in BUILD_DIR, a tiny real experiment runs too. Every wait is for an event; the
bounds are for what hangs.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parent
BUILD = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else SOURCE.parent / "build"
CROSSOVER = BUILD / "crossover"
FAKES = ["--server-binary", SOURCE / "testing" / "fake_server.py",
         "--load-binary", SOURCE / "testing" / "fake_load.py"]
BOUND_SECONDS = 120


def experiment(**changes):
    return {"name": "test", "description": "a test", "seed": 1, "repetitions": 2,
            "placement": "shared", "architectures": ["steady"], "connections": [5, 20],
            "load": {"threads": 1, "warmup": "1ms", "duration": "100ms"}, "canary": False, **changes}


def children_of(pid):
    """Live descendants of a process, each as (pid, pidfd)."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                found.append((int(entry.name), os.pidfd_open(int(entry.name))))
        except OSError:
            continue
    return found


def name_of(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()
    except OSError:
        return ""


class RunTest(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="run_test."))
        self.addCleanup(shutil.rmtree, self.directory)
        self.out = self.directory / "out"

    def write(self, **changes):
        path = self.directory / "experiment.json"
        path.write_text(json.dumps(experiment(**changes)), encoding="utf-8")
        return path

    def command(self, *arguments):
        return [str(argument) for argument in (CROSSOVER, *arguments)]

    def run_crossover(self, *arguments):
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False,
                              timeout=BOUND_SECONDS, cwd=self.directory)

    def start(self, *arguments):
        process = subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE, text=True,
                                   stderr=subprocess.PIPE, cwd=self.directory)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def records(self):
        lines = (self.out / "trials.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def report(self):
        return json.loads((self.out / "report.json").read_text(encoding="utf-8"))

    def start_and_wait_for_a_hanging_trial(self):
        """A run of which a trial hangs in its window: the file, the process, its children, and how
        many trials were done before."""
        path = self.write(architectures=["steady"], connections=[5], repetitions=3,
                          workloads=[{"name": "hello", "path": "/"},
                                     {"name": "hangs", "path": "/hangs"}])
        process = self.start("run", path, "--out", self.out, *FAKES)
        for _ in range(BOUND_SECONDS * 10):
            children = children_of(process.pid)
            if any(name_of(pid) == "hanging" for pid, _ in children):
                return path, process, children, len(self.records()) - 1
            for _, pidfd in children:
                os.close(pidfd)
            select.select([], [], [], 0.1)
        self.fail("no trial came to hang")

    def assert_all_gone(self, children):
        for pid, pidfd in children:
            ready, _, _ = select.select([pidfd], [], [], BOUND_SECONDS)
            os.close(pidfd)
            self.assertTrue(ready, f"process {pid} was left behind")

    def test_every_trial_is_recorded_and_reported(self):
        done = self.run_crossover("run", self.write(), "--out", self.out, *FAKES)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        self.assertEqual(len(self.records()), 1 + 4)
        for record in self.records()[1:]:
            codes = [reason["code"] for reason in record["verdict"]["reasons"]]
            self.assertNotIn("failed", codes)
        self.assertTrue(self.report()["complete"])
        self.assertEqual(done.returncode == 0,
                         all(cell["verdict"]["valid"] for cell in self.report()["cells"]))
        self.assertTrue((self.out / "summary.md").exists())
        self.assertIn("[4/4] rep 2/2", done.stdout)
        self.assertIn("report.json", done.stdout)

    @unittest.skipUnless((BUILD / "crossover-server").exists(), "the programs are not built")
    @unittest.skipUnless(len(os.sched_getaffinity(0)) > 1, "there is one CPU only")
    def test_tune_sweeps_one_architecture_after_the_other(self):
        path = self.write(architectures=["thread-per-connection", "worker-pool"], connections=[5],
                          placement="isolated")
        done = self.run_crossover("tune", path, "--out", self.out, "--repetitions", 1)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        for name in ("thread-per-connection", "worker-pool"):
            report = json.loads((self.out / name / "report.json").read_text(encoding="utf-8"))
            self.assertTrue(report["complete"])
            self.assertEqual([cell["architecture"] for cell in report["cells"]],
                             [name, f"{name}.stack-65536", f"{name}.stack-1048576"])
            self.assertIn(f"{name}: as it stands", done.stdout)
        tuned = json.loads((self.out / "tuned.json").read_text(encoding="utf-8"))
        self.assertEqual([level["label"] for level in tuned["architectures"]],
                         ["thread-per-connection", "worker-pool"])
        again = self.run_crossover("tune", path, "--out", self.out, "--repetitions", 1, "--resume")
        self.assertEqual(again.returncode, done.returncode, again.stderr)

    def test_tune_refuses_what_has_no_knobs(self):
        done = self.run_crossover("tune", self.write(), "--out", self.out, *FAKES)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no architecture in it has a knob", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertFalse(self.out.exists())

    def test_results_latest_points_to_the_run(self):
        self.run_crossover("run", self.write(repetitions=1), *FAKES)
        latest = self.directory / "results" / "latest"
        self.assertTrue(latest.is_symlink())
        self.assertFalse(os.readlink(latest).startswith("/"))
        self.assertTrue((latest / "report.json").exists())
        self.assertTrue(os.readlink(latest).endswith("Z-test"))

    def test_a_server_that_dies_spoils_its_trials_only(self):
        path = self.write(architectures=["steady", "dies-in-window"])
        done = self.run_crossover("run", path, "--out", self.out, *FAKES)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(len(self.records()), 1 + 8)
        for record in self.records()[1:]:
            reasons = record["verdict"]["reasons"]
            failed = [reason["detail"] for reason in reasons if reason["code"] == "failed"]
            if record["architecture"] == "steady":
                self.assertEqual(failed, [])
            else:
                self.assertEqual(failed, ["the server ended while measuring: killed by signal 9 "
                                          "(Killed); its last words: out of threads"])
                self.assertIsNone(record["metrics"]["throughput_rps"]["value"])
        self.assertIn("4 of 8 trials failed", done.stdout)
        again = self.run_crossover("run", path, "--out", self.out, "--resume", *FAKES)
        self.assertEqual(again.returncode, 1)
        self.assertNotIn("rep ", again.stdout)
        retried = self.run_crossover("run", path, "--out", self.out, "--resume", "--retry-failed",
                                     *FAKES)
        self.assertEqual(retried.stdout.count("dies-in-window  "), 4, retried.stdout)
        self.assertEqual(len(self.records()), 1 + 8)

    def test_a_load_generator_that_is_killed(self):
        path = self.write(workloads=[{"name": "killed", "path": "/killed"}], repetitions=1)
        done = self.run_crossover("run", path, "--out", self.out, *FAKES)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("the load generator ended while", done.stdout)
        self.assertEqual(len(self.records()), 1 + 2)

    def trials(self, workload):
        return [record for record in self.records()[1:] if record["workload"] == workload]

    def test_a_rate_in_per_cent_is_of_what_was_measured(self):
        over = {"name": "over", "rate_percent": 150, "percent_of": "closed", "at": 150}
        path = self.write(workloads=[over, {"name": "closed"}], axis={"label": "load, %"})
        done = self.run_crossover("run", path, "--out", self.out, *FAKES)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        capacity = {(trial["repetition"], trial["connections"]):
                    trial["metrics"]["throughput_rps"]["value"] for trial in self.trials("closed")}
        self.assertEqual(len(self.trials("over")), 4)
        for trial in self.trials("over"):
            arguments = trial["load"]["arguments"]
            rate = float(arguments[arguments.index("--rate") + 1])
            place = (trial["repetition"], trial["connections"])
            self.assertAlmostEqual(rate, 1.5 * capacity[place], delta=1)
        self.assertEqual(self.report()["experiment"]["axis"], {"label": "load, %"})

    def test_a_rate_in_per_cent_of_a_trial_that_failed(self):
        over = {"name": "over", "rate_percent": 150, "percent_of": "closed"}
        path = self.write(workloads=[over, {"name": "closed", "path": "/killed"}], repetitions=1)
        done = self.run_crossover("run", path, "--out", self.out, *FAKES)
        self.assertEqual(done.returncode, 1, done.stderr)
        for trial in self.trials("over"):
            self.assertEqual(trial["verdict"]["reasons"][0]["detail"],
                             "its rate is a percentage of the throughput of workload closed, whose "
                             "trial in this repetition has none")

    def test_killed_harness_leaves_no_orphan_and_resumes(self):
        path, process, children, finished = self.start_and_wait_for_a_hanging_trial()
        self.assertEqual(len(children), 2)
        process.send_signal(signal.SIGKILL)
        process.wait(BOUND_SECONDS)
        self.assert_all_gone(children)
        self.assertEqual(len(self.records()), 1 + finished)
        # What a crash in the middle of a write would leave.
        with open(self.out / "trials.jsonl", "a", encoding="utf-8") as file:
            file.write('{"type":"trial","ind')
        # The load generator of the second attempt does not hang: it is another program.
        steady = self.directory / "load.py"
        steady.write_text((SOURCE / "testing" / "fake_load.py").read_text(encoding="utf-8")
                          .replace('"/hangs"', '"/never"'), encoding="utf-8")
        steady.chmod(0o755)
        done = self.run_crossover("run", path, "--out", self.out, "--resume", *FAKES[:2],
                                  "--load-binary", steady)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        self.assertEqual(sorted(record["index"] for record in self.records()[1:]), list(range(6)))
        self.assertEqual(done.stdout.count("] rep "), 6 - finished)
        self.assertTrue(self.report()["complete"])

    def test_interrupted_run_writes_its_report(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(number):
                shutil.rmtree(self.out, ignore_errors=True)
                _, process, children, finished = self.start_and_wait_for_a_hanging_trial()
                process.send_signal(number)
                output, errors = process.communicate(timeout=BOUND_SECONDS)
                self.assertEqual(process.returncode, status, errors)
                self.assert_all_gone(children)
                self.assertIn("Interrupted after", output)
                self.assertFalse(self.report()["complete"])
                self.assertEqual(self.report()["trials_done"], finished)

    def assert_valid_report(self):
        validate = SOURCE.parent / "plots" / "validate.py"
        checked = subprocess.run([sys.executable, "-B", validate, self.out], text=True,
                                 capture_output=True, check=False, timeout=BOUND_SECONDS)
        self.assertIn(checked.returncode, (0, 2), checked.stderr)  # 2: no jsonschema here

    def assert_refused(self, done, *words):
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("crossover: "), done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertFalse((self.out / "trials.jsonl").exists())

    def test_refusals_are_one_line_and_start_nothing(self):
        def run(path):
            return self.run_crossover("run", path, "--out", self.out, *FAKES)

        self.assert_refused(run(self.write(architectures=["stead"])), "stead", "steady")
        self.assert_refused(run(self.write(connexions=[5])), "connexions", "connections")
        self.assert_refused(run(self.directory / "none.json"), "none.json: cannot be read")
        self.assert_refused(run(self.directory), "cannot be read")
        self.assert_refused(run(self.write(connections=[1_000_000])), "does not fit",
                            "kernel.pid_max: needed")
        self.assert_refused(self.run_crossover("run"), "EXPERIMENT")
        self.assert_refused(self.run_crossover("run", self.write(), "--colour"), "--colour")
        self.assert_refused(self.run_crossover("run", self.write(), "--server-binary", "/none"),
                            "/none is not there")
        self.assert_refused(
            self.run_crossover("run", self.write(), "--resume", *FAKES), "--resume", "--out")

    def test_resume_refuses_another_experiment(self):
        self.run_crossover("run", self.write(repetitions=1), "--out", self.out, *FAKES)
        done = self.run_crossover("run", self.write(repetitions=2), "--out", self.out, "--resume",
                                  *FAKES)
        self.assertEqual(done.returncode, 2)
        self.assertIn("another experiment", done.stderr)
        done = self.run_crossover("run", self.write(repetitions=1), "--out", self.out, *FAKES)
        self.assertEqual(done.returncode, 2)
        self.assertIn("already holds a run", done.stderr)

    def test_doctor_tells_what_does_not_fit(self):
        done = self.run_crossover("doctor", self.write(connections=[1_000_000]))
        self.assertEqual(done.returncode, 2)
        self.assertIn("REFUSED", done.stdout)
        self.assertIn("sudo sysctl -w kernel.pid_max=", done.stdout)
        self.assertEqual(self.run_crossover("doctor", self.write()).returncode, 0)

    def test_only_and_repetitions(self):
        path = self.write(architectures=["steady", "dies-in-window"])
        done = self.run_crossover("run", path, "--out", self.out, "--only", "steady",
                                  "--repetitions", "1", *FAKES)
        self.assertEqual({record["architecture"] for record in self.records()[1:]}, {"steady"})
        self.assertEqual(len(self.records()), 1 + 2, done.stdout)

    def test_report_is_recomputed(self):
        self.run_crossover("run", self.write(repetitions=1), "--out", self.out, *FAKES)
        before = self.report()
        (self.out / "report.json").unlink()
        done = self.run_crossover("report", self.out)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.report(), before)

    @unittest.skipUnless((BUILD / "crossover-server").exists() and
                         (BUILD / "crossover-load").exists(), "needs the real programs")
    def test_a_real_experiment(self):
        path = self.write(architectures=["epoll-pool", "thread-per-connection"], canary=True,
                          load={"threads": 1, "warmup": "100ms", "duration": "100ms"})
        done = self.run_crossover("run", path, "--out", self.out)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        report = self.report()
        self.assertEqual(report["trials_done"], 8)
        for record in self.records()[1:]:
            load = record["load"]
            self.assertEqual(load["errors"], 0)
            self.assertEqual(load["connections"]["served"], record["connections"])
            metrics = record["metrics"]
            for name in ("throughput_rps", "latency_us_p99", "context_switches_per_request",
                         "memory_bytes_per_connection", "cpu_us_per_request"):
                self.assertIsNotNone(metrics[name]["value"], metrics[name])
        self.assert_valid_report()

    @unittest.skipUnless((BUILD / "crossover-server").exists() and
                         (BUILD / "crossover-load").exists(), "needs the real programs")
    def test_what_processes_use_is_counted_as_threads_are(self):
        path = self.write(
            architectures=["prefork", "thread-per-connection"], connections=[20], repetitions=1,
            workloads=[{"name": "spin", "path": "/cpu/500"}],
            load={"threads": 1, "warmup": "50ms", "duration": "400ms"})
        done = self.run_crossover("run", path, "--out", self.out)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        for trial in self.records()[1:]:
            metrics = trial["metrics"]
            for name in ("context_switches_per_request", "run_queue_wait_us_per_request"):
                self.assertGreater(metrics[name]["value"] or 0, 0, metrics[name])
            # The handler's own; the probes' window and the load's are not quite the same.
            self.assertGreater(metrics["cpu_us_per_request"]["value"] or 0, 450, trial["architecture"])
            self.assertGreater(metrics["memory_bytes_per_connection"]["value"] or 0, 16 * 1024)
            faults = metrics["page_faults_per_request"]
            self.assertEqual(faults["value"] is None, trial["architecture"] == "prefork", faults)

    @unittest.skipUnless((BUILD / "crossover-server").exists() and
                         (BUILD / "crossover-load").exists(), "needs the real programs")
    def test_real_workloads_of_every_kind(self):
        over = {"rate_percent": 150, "percent_of": "closed", "deadline": "50ms"}
        path = self.write(
            architectures=["epoll-pool", "thread-per-connection"], connections=[20], repetitions=1,
            axis={"label": "anything"},
            workloads=[{"name": "closed", "label": "as fast as it goes"},
                       {"name": "over", "at": 1, "arrivals": "poisson", **over},
                       {"name": "slow", "at": 2, "rate": 50},
                       {"name": "churn", "at": 3, "requests_per_connection": 2},
                       {"name": "asked", "at": 4, "requests_per_connection": 2,
                        "closer": "server"},
                       {"name": "active", "at": 5, "active_percent": 20},
                       {"name": "wait", "at": 6, "path": "/wait/1000"}],
            load={"threads": 1, "warmup": "50ms", "duration": "200ms"})
        done = self.run_crossover("run", path, "--out", self.out)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        self.assertEqual(len(self.records()), 1 + 14)
        for trial in self.records()[1:]:
            name = trial["workload"]
            for reason in trial["verdict"]["reasons"]:
                # In so short a window a busy machine is neither steady nor quiet, but all adds up.
                self.assertNotIn(reason["code"], ("failed", "errors", "connections_short"), reason)
                self.assertNotIn("accounts for", reason["detail"], name)
                self.assertNotIn("knows the outcome", reason["detail"], name)
            offered = trial["metrics"]["offered_rps"]["value"]
            self.assertEqual(offered is None, name not in ("over", "slow"), name)
            if name == "slow":
                self.assertAlmostEqual(offered, 50, delta=5)
            remade = trial["load"]["reconnections"]["established"]
            self.assertEqual(remade > 0, name in ("churn", "asked"), name)
            self.assertEqual(trial["load"]["active"], 4 if name == "active" else 20)
        self.assert_valid_report()


if __name__ == "__main__":
    unittest.main()
