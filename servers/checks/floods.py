"""Connections that are never used, or thrown away: by the thousand, and then all is as before."""

import contextlib
import time

from finding import Finding
from raw_clients import HALF_A_HEADER, REQUEST, Client, ask_anew

HELD = 2000
RESET_SECONDS = 2
SERVED_BETWEEN = 100
SETTLE_SECONDS = 30


def hold(address, held):
    """Every other one sends nothing, the others half a header."""
    for i in range(HELD):
        client = Client(address)
        held.append(client)
        if i % 2:
            client.socket.sendall(HALF_A_HEADER)


def throw_away(address):
    """For RESET_SECONDS; in turn with nothing, half a header and a whole request sent. Their number."""
    sent = (b"", HALF_A_HEADER, REQUEST)
    end = time.monotonic() + RESET_SECONDS
    made = 0
    while time.monotonic() < end:
        client = Client(address)
        client.socket.sendall(sent[made % len(sent)])
        client.reset()
        made += 1
    return made


def flood(bench, architecture):
    finding = Finding()
    with bench.serve(architecture, "--header-timeout", "120s", "--idle-timeout", "120s") as server, \
            contextlib.ExitStack() as stack:
        held = []
        stack.callback(lambda: [client.close() for client in held])
        hold(server.address, held)
        thrown = throw_away(server.address)
        open_then = server.await_counters(lambda now: now["open"] == HELD, SETTLE_SECONDS)["open"]
        during = ask_anew(server.address, SERVED_BETWEEN)
        for client in held:
            client.close()
        held.clear()
        open_after = server.await_counters(lambda now: now["open"] == 0, SETTLE_SECONDS)["open"]
        after = ask_anew(server.address, SERVED_BETWEEN)
        done = server.end()
    finding.figures = {"half_open": HELD, "reset": thrown, "open_then": open_then, "served_then": during,
                       "open_after": open_after, "served_after": after, "accepted": done["accepted"]}
    finding.must(open_then == HELD, f"{open_then:,} open with {HELD:,} half-open ones left")
    finding.must(during == SERVED_BETWEEN, f"{during} of {SERVED_BETWEEN} served beside the half-open ones")
    finding.must(open_after == 0, f"{open_after:,} open with none left")
    finding.must(after == SERVED_BETWEEN, f"{after} of {SERVED_BETWEEN} served afterwards")
    made = HELD + thrown + during + after
    finding.must(done["accepted"] == made, f"{done['accepted']:,} of {made:,} connections counted as accepted")
    # Of the whole requests that were reset, any number may have been answered first; half a header that
    # ends is answered 400, which counts as a request and as an error.
    a_third = thrown // 3 + 1
    finding.must(done["protocol_errors"] <= HELD // 2 + a_third, f"{done['protocol_errors']:,} protocol_errors")
    good = done["requests"] - done["protocol_errors"]
    finding.must(during + after <= good <= during + after + a_third, f"{good:,} good requests counted")
    finding.must_be_none(done, "accept_errors", "rejected", "thread_failures", "timeouts")
    return finding
