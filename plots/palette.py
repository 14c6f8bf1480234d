"""Colour and marker of each architecture: the same in every chart and every experiment.

Families share a hue: threads and processes that block (orange), event loops over epoll (blue), Asio
(green), coroutines and fibers (magenta), io_uring (black). Within a hue they differ in lightness,
and all twelve markers differ, for readers who can't tell two of the colours apart.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Iterable, Mapping


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
OTHER_COLOURS = ("#8A8A8A", "#5B4636", "#6B4FA0", "#A68A64", "#84871F")
MARKERS = ("d", "8", "H") + tuple(look.marker for look in KNOWN.values())


def looks(labels: Iterable[str]) -> dict[str, Look]:
    """The look of each label. Those that nobody knows get what is left, in their order: first the
    colours that belong to nobody, then those of architectures that aren't here."""
    names = list(dict.fromkeys(labels))
    found = {name: KNOWN[name] for name in names if name in KNOWN}
    colours = [*OTHER_COLOURS, *(KNOWN[name].colour for name in KNOWN if name not in found)]
    used = Counter(look.marker for look in found.values())
    pairs = set(found.values())
    unknown = [name for name in names if name not in found]
    for index, name in enumerate(unknown):
        colour = colours[index % len(colours)]
        marker = min(MARKERS, key=lambda m: (Look(colour, m) in pairs, used[m]))
        used[marker] += 1
        found[name] = Look(colour, marker)
        pairs.add(found[name])
    return found
