"""What crossover-load says of its requests and connections, in words."""


def failures(result):
    """What of a ledger is an error, and not zero."""
    found = {name: result["requests"][name] for name in
             ("wrong_status", "wrong_body", "malformed", "truncated", "reset", "timed_out",
              "in_flight_at_end", "shed", "unsent")}
    for kind in ("connections", "reconnections"):
        found |= {f"{kind} {name}": result[kind][name] for name in
                  ("refused", "timed_out", "reset", "no_port", "other", "lost")}
    return ", ".join(f"{count} {name}" for name, count in found.items() if count)
