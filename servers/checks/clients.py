#!/usr/bin/python3
"""Clients that others wrote, against every architecture: clients.py [--build DIR] [CLIENT...]

curl, wrk, h2load and ab each make 100,000 requests (wrk, which counts time only: at least so many)
without one error. curl makes them one after the other over one connection, the others over 64. What
the server counted must agree.
"""

import collections
import os
import re
import shutil
import subprocess
import sys
import time

from selection import chosen, chosen_architectures, new_parser, positive, program
from server_process import Server, dying_with_parent  # beside this folder; selection knows where

CONNECTIONS = 64
WRK_SECONDS = 2
RUN_SECONDS_MAX = 600
SERVER_ERRORS = ("protocol_errors", "accept_errors", "rejected", "thread_failures")


def output_of(*command):
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, timeout=RUN_SECONDS_MAX, preexec_fn=dying_with_parent(), check=False)
    if result.returncode:
        raise RuntimeError(f"exit status {result.returncode}: {result.stderr.strip().splitlines()[-1:]}")
    return result.stdout


def number(pattern, text):
    """The number that the pattern finds; 0 if the client doesn't speak of it."""
    found = re.search(pattern, text)
    return int(found[1]) if found else 0


def curl(url, requests):
    answers = collections.Counter()
    connections = 0
    output = output_of("curl", "--silent", "--show-error", "--noproxy", "*", "--output", "/dev/null",
                       "--write-out", "%{http_code} %{num_connects}\n", f"{url}/?[1-{requests}]")
    for line in output.splitlines():
        status, connects = line.split()
        answers[status] += 1
        connections += int(connects)
    answered = answers.pop("200", 0)
    return answered, {**answers, "connections more than one": connections - 1}


def wrk(url, requests):
    total, errors = 0, collections.Counter()
    while total < requests:
        text = output_of("wrk", "-t", 1, "-c", CONNECTIONS, "-d", f"{WRK_SECONDS}s", f"{url}/")
        made = number(r"(\d+) requests in", text)
        errors["not 2xx"] += number(r"Non-2xx or 3xx responses: (\d+)", text)
        for line in re.findall(r"Socket errors: (.*)", text):
            errors["socket errors"] += sum(int(count) for count in re.findall(r"\d+", line))
        total += made
        if not made:
            errors["runs without a request"] += 1
            break
    return total - errors["not 2xx"], errors


def h2load(url, requests):
    text = output_of("h2load", "--h1", "-n", requests, "-c", CONNECTIONS, "-t", 1, f"{url}/")
    names = ("failed", "errored", "timeout", "3xx", "4xx", "5xx")
    return number(r"(\d+) 2xx", text), {name: number(rf"(\d+) {name}", text) for name in names}


def ab(url, requests):
    text = output_of("ab", "-q", "-k", "-r", "-n", requests, "-c", CONNECTIONS, f"{url}/")
    errors = {"failed": number(r"Failed requests:\s+(\d+)", text),
              "not 2xx": number(r"Non-2xx responses:\s+(\d+)", text)}
    return number(r"Complete requests:\s+(\d+)", text) - errors["not 2xx"], errors


CLIENTS = {"curl": curl, "wrk": wrk, "h2load": h2load, "ab": ab}


def attempt(binary, architecture, client, requests):
    """Requests answered; and what went wrong, with how often it did."""
    with Server(binary, architecture) as server:
        answered, errors = CLIENTS[client](server.url, requests)
        done = server.end()
    errors = {name: count for name, count in errors.items() if count}
    errors |= {f"{name} of the server": done[name] for name in SERVER_ERRORS if done[name]}
    if answered < requests:
        errors["requests not answered"] = requests - answered
    if done["requests"] < answered:
        errors["requests that the server did not count"] = answered - done["requests"]
    return answered, errors


def check(binary, architecture, client, requests):
    """What went wrong, in words; empty: nothing. Prints its line."""
    started = time.monotonic()
    try:
        answered, errors = attempt(binary, architecture, client, requests)
    except (OSError, RuntimeError, ValueError, AssertionError, subprocess.TimeoutExpired) as error:
        answered, errors = 0, {f"{type(error).__name__}: {error}": 1}
    words = "; ".join(f"{count:,} {name}" for name, count in errors.items())
    print(f"{architecture:24s} {client:7s} {answered:>10,} requests {sum(errors.values()):>7,} errors "
          f"{time.monotonic() - started:7.1f} s  {words}".rstrip(), flush=True)
    return words


def main():
    parser = new_parser(__doc__)
    parser.add_argument("--architecture", metavar="A,B", default="", help="default: all")
    parser.add_argument("--requests", type=positive, default=100_000)
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help=", ".join(CLIENTS))
    arguments = parser.parse_args()
    server = program(parser, arguments, "crossover-server")
    names = chosen_architectures(parser, arguments, server)
    clients = chosen(parser, "CLIENT", arguments.clients, CLIENTS)
    for client in clients:
        if not shutil.which(client):
            parser.error(f"{client} is not installed; `make checks` does that")
    os.environ.pop("http_proxy", None)
    failed = [f"{name} with {client}: {words}" for name in names for client in clients
              if (words := check(server, name, client, arguments.requests))]
    print("\n".join(failed) if failed else "ok")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
