"""Descriptors or threads run out: those that are served stay so, and the others are when there are again some."""

import contextlib
import resource
import subprocess
import time

import process_tree
from finding import Finding, Skipped
from pids_cgroup import PidsCgroup
from raw_clients import CLOSED, WAITS, Client, ask_anew, ask_each, count, gather

OPEN_FILES = 64
# Tried in turn until descriptors run out: where several processes accept, each has its own.
CONNECTIONS = (200, 800, 3200)
SETTLE_SECONDS = 20
IDLE_CPU_SECONDS_MAX = 0.3  # in a second
THREADS_MORE = 16
CLIENTS_OF_THREADS = 64
QUEUE = ("--overflow", "queue")


def few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))


def connect(stack, address, number):
    """`number` of clients that have asked; closed with the stack."""
    clients = []
    for _ in range(number):
        clients.append(Client(address))
        stack.callback(clients[-1].close)
        clients[-1].ask()
    return clients


def run_out(server, stack):
    """Clients, of which the server can't accept all; those that it could have their answer."""
    for pid in process_tree.members(server.pid):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    clients = []
    for number in CONNECTIONS:
        clients += connect(stack, server.address, number - len(clients))

        def settled():
            now = server.counters()
            answered = len(clients) - count(clients, WAITS)
            return answered == len(clients) or (now["accept_errors"] > 0 and now["accepted"] == answered)

        gather(clients, settled, SETTLE_SECONDS)
        if server.counters()["accept_errors"] > 0:
            return clients
    raise Skipped(f"{OPEN_FILES} open files were enough for {CONNECTIONS[-1]:,} connections")


def make_way(clients):
    """Closes those that have their answer, again and again, until the others have theirs."""
    end = time.monotonic() + SETTLE_SECONDS
    while count(clients, WAITS) and time.monotonic() < end:
        for client in clients:
            if client.answer is not WAITS:
                client.close()
        gather(clients, lambda left=count(clients, WAITS): count(clients, WAITS) < left, 2)


def descriptors(bench, architecture):
    finding = Finding()
    # From its start as well: io_uring goes by the limit of when it was asked to accept.
    with bench.serve(architecture, prepare=few_files) as server, contextlib.ExitStack() as stack:
        clients = run_out(server, stack)
        then = server.counters()
        served = count(clients, 200)
        before = process_tree.cpu_seconds(server.pid)
        time.sleep(1)
        cpu = process_tree.cpu_seconds(server.pid) - before
        served_again = ask_each([client for client in clients if client.answer == 200])
        make_way(clients)
        in_the_end = count(clients, 200)
        for client in clients:
            client.close()
        done = server.end()
    finding.figures = {"connections": len(clients), "served_first": served, "served_in_the_end": in_the_end,
                       "accept_errors": done["accept_errors"], "cpu_seconds_of_1": round(cpu, 2)}
    finding.must(served == then["accepted"], f"{served} of {then['accepted']} accepted ones served")
    finding.must(served_again == served, f"{served_again} of {served} served again with none to spare")
    finding.must(in_the_end == len(clients), f"{in_the_end} of {len(clients)} served in the end")
    finding.must(cpu < IDLE_CPU_SECONDS_MAX, f"{cpu:.2f} s of CPU in a second in which nothing could be done")
    finding.must_be_none(done, "open", "rejected", "thread_failures", "protocol_errors")
    return finding


def settle(clients):
    """Reads answers until all have one, or for a second none has come."""
    while (waiting := count(clients, WAITS)) > 0:
        gather(clients, lambda left=waiting: count(clients, WAITS) < left, 1)
        if count(clients, WAITS) == waiting:
            return


def ask_until_served(address):
    """Whether a new connection is; a thread may still be ending that served an old one."""
    end = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < end:
        if ask_anew(address, 1) == 1:
            return True
        time.sleep(0.02)
    return False


def can_queue(bench, architecture):
    """Whether the architecture has that knob; one that it hasn't is refused."""
    try:
        with bench.serve(architecture, *QUEUE, stderr=subprocess.DEVNULL):
            return True
    except RuntimeError:
        return False


def without_threads(bench, architecture, options, group, finding):
    """One run; whether threads ran out. Adds to `finding`."""
    overflow = options[-1] if options else "reject"  # the default
    with bench.serve(architecture, *options, prepare=group.enter) as server, \
            contextlib.ExitStack() as stack:
        group.limit(group.current() + THREADS_MORE)
        clients = connect(stack, server.address, CLIENTS_OF_THREADS)
        settle(clients)
        then = server.counters()
        served, refused, waiting, lost = (count(clients, answer) for answer in (200, 503, WAITS, CLOSED))
        again = ask_each([client for client in clients if client.answer == 200])
        make_way(clients)
        never = count(clients, WAITS)
        for client in clients:
            client.close()
        left_open = server.await_counters(lambda now: now["open"] == 0, SETTLE_SECONDS)["open"]
        later = ask_until_served(server.address)
        server.end()
    finding.figures[overflow] = {"served": served, "refused": refused, "queued": waiting,
                                 "thread_failures": then["thread_failures"]}
    finding.must(served > 0, f"{overflow}: none served")
    finding.must(again == served, f"{overflow}: {again} of {served} served again")
    finding.must(refused == then["rejected"], f"{overflow}: {refused} got 503 of {then['rejected']} rejected")
    finding.must(lost == 0, f"{overflow}: {lost} closed without an answer")
    finding.must(never == 0, f"{overflow}: {never} never answered")
    finding.must(left_open == 0, f"{overflow}: {left_open} open with none left")
    finding.must(later, f"{overflow}: none served afterwards")
    if then["thread_failures"] == 0:
        finding.must(served == CLIENTS_OF_THREADS, f"{overflow}: {served} served, and no thread_failures counted")
    return then["thread_failures"] > 0


def threads(bench, architecture):
    finding = Finding()
    with PidsCgroup() as group:
        ran_out = without_threads(bench, architecture, (), group, finding)
        if ran_out and can_queue(bench, architecture):
            without_threads(bench, architecture, QUEUE, group, finding)
    return finding
