"""Colour and marker of each architecture: the same in every chart and every experiment.

Families share a hue: threads and processes that block (orange), event loops over epoll (blue), Asio
(green), coroutines and fibers (magenta), io_uring (black). Within a hue they differ in lightness,
and all twelve markers differ, for readers who can't tell two of the colours apart.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Mapping


@dataclass(frozen=True)
class Look:
    colour: str
    marker: str


# Each pair was checked as readers with each kind of colour-blindness see it (palette_test.py).
KNOWN: Mapping[str, Look] = {
    "thread-per-connection": Look("#D55E00", "o"),
    "worker-pool": Look("#EFA021", "s"),
    "prefork": Look("#8C2D04", "P"),
    "event-loop": Look("#6CB4EE", "v"),
    "epoll-pool": Look("#0072B2", "^"),
    "dispatch-pool": Look("#0E93A5", "D"),
    "reactor-per-core": Look("#1B2A6B", "X"),
    "asio-pool": Look("#14602F", "<"),
    "asio-per-core": Look("#45B86B", ">"),
    "coroutine": Look("#A3128C", "p"),
    "fiber": Look("#F08CC0", "h"),
    "io-uring-per-core": Look("#111111", "*"),
}
# Classes of a profile. One hue for the scheduler, so that its part is seen at once.
CLASS_COLOURS: Mapping[str, str] = {
    "scheduler_switch": "#A50F15",
    "scheduler_wake": "#E34A33",
    "scheduler_other": "#FC9272",
    "futex": "#F2C14E",
    "epoll": "#1B9E77",
    "io_uring": "#0B4F3C",
    "tcp_send": "#2166AC",
    "tcp_notify": "#5AA5D6",
    "tcp_receive": "#A6CEE3",
    "connections": "#54278F",
    "threads": "#8C6BB1",
    "sockets": "#BCAEDB",
    "memory": "#8C510A",
    "system_call": "#5F5F5F",
    "interrupts": "#222222",
    "other_kernel": "#9A9A9A",
    "user_scheduler": "#D83C9A",
    "http": "#6FAE3A",
    "handler": "#2F5D12",
    "runtime": "#CFE3A6",
    "other": "#DCDCDC",
}
# Parts of a prediction, in the order in which they are stacked; the colours of the classes that they
# are nearest to.
PART_COLOURS: Mapping[str, str] = {
    "switches": CLASS_COLOURS["scheduler_switch"],
    "futex": CLASS_COLOURS["futex"],
    "epoll": CLASS_COLOURS["epoll"],
    "io_uring": CLASS_COLOURS["io_uring"],
    "receive": CLASS_COLOURS["tcp_receive"],
    "send": CLASS_COLOURS["tcp_send"],
    "user_scheduler": CLASS_COLOURS["user_scheduler"],
    "http": CLASS_COLOURS["http"],
    "other_calls": CLASS_COLOURS["system_call"],
}
OTHER_COLOURS = ("#8A8A8A", "#5B4636", "#6B4FA0", "#A68A64", "#84871F")
MARKERS = ("d", "8", "H") + tuple(look.marker for look in KNOWN.values())


def looks(names: Mapping[str, str]) -> dict[str, Look]:
    """The look of each label, given as label -> name of the architecture. An architecture keeps its
    look under another label. What nobody knows, and what comes twice, gets what is left: first the
    colours that belong to nobody, then those of architectures that aren't here."""
    found = {label: KNOWN[label] for label in names if label in KNOWN}
    for label, name in names.items():
        if label not in found and name in KNOWN and KNOWN[name] not in found.values():
            found[label] = KNOWN[name]
    free = [look.colour for look in KNOWN.values() if look not in found.values()]
    colours = [*OTHER_COLOURS, *free]
    used = Counter(look.marker for look in found.values())
    for index, label in enumerate([label for label in names if label not in found]):
        colour = colours[index % len(colours)]
        taken = {look.marker for look in found.values() if look.colour == colour}
        marker = min(MARKERS, key=lambda marker: (marker in taken, used[marker]))
        used[marker] += 1
        found[label] = Look(colour, marker)
    return found
