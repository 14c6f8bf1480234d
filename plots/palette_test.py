#!/usr/bin/python3
"""Tests of the palette: architectures keep their looks, and every reader can tell them apart."""

from __future__ import annotations

import itertools
import math
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from matplotlib.colors import to_rgb  # noqa: E402

from palette import KNOWN, OTHER_COLOURS, looks  # noqa: E402

# How readers see linear RGB: Machado, Oliveira and Fernandes 2009, full severity.
SIGHT = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
WHITE = (0.9505, 1.0, 1.089)
# Distances in CIELAB; 2.3 is said to be just noticeable. Markers differ in any case.
DISTANCE_MIN = {"usual": 25, "deuteranopia": 8, "protanopia": 8, "tritanopia": 8}


def times(
    matrix: tuple[tuple[float, ...], ...], vector: tuple[float, ...]
) -> tuple[float, ...]:
    return tuple(sum(a * b for a, b in zip(row, vector)) for row in matrix)


def seen(colour: str, sight: str) -> tuple[float, float, float]:
    """The colour in CIELAB, as a reader with this sight sees it."""
    linear = tuple(
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)
    )
    inside = tuple(min(1.0, max(0.0, c)) for c in times(SIGHT[sight], linear))
    x, y, z = (
        part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116
        for part in (value / white for value, white in zip(times(TO_XYZ, inside), WHITE))
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


class Palette(unittest.TestCase):
    def test_each_pair_can_be_told_apart(self) -> None:
        for sight, least in DISTANCE_MIN.items():
            for (one, a), (other, b) in itertools.combinations(KNOWN.items(), 2):
                with self.subTest(sight=sight, one=one, other=other):
                    distance = math.dist(seen(a.colour, sight), seen(b.colour, sight))
                    self.assertGreaterEqual(distance, least)

    def test_the_distance_is_small_where_it_should_be(self) -> None:
        red, green = "#C8501E", "#8C7A1E"
        self.assertGreater(math.dist(seen(red, "usual"), seen(green, "usual")), 40)
        self.assertLess(math.dist(seen(red, "deuteranopia"), seen(green, "deuteranopia")), 12)

    def test_markers_differ_and_nothing_fades_into_white(self) -> None:
        self.assertEqual(len({look.marker for look in KNOWN.values()}), 12)
        for name, look in KNOWN.items():
            self.assertLess(seen(look.colour, "usual")[0], 75, name)

    def test_an_architecture_looks_alike_whoever_is_beside_it(self) -> None:
        alone = looks({"fiber": "fiber"})["fiber"]
        crowd = looks({name: name for name in ["mine", *reversed(list(KNOWN)), "yours"]})
        self.assertEqual(crowd["fiber"], alone)
        self.assertEqual(looks({"fiber-2": "fiber"})["fiber-2"], alone)

    def test_variants_and_strangers_get_what_is_left(self) -> None:
        found = looks({"fiber-1": "fiber", "fiber": "fiber", "fiber-2": "fiber", "mine": "mine"})
        self.assertEqual(found["fiber"], KNOWN["fiber"])
        self.assertEqual([found[name].colour for name in ("fiber-1", "fiber-2", "mine")],
                         list(OTHER_COLOURS[:3]))  # fmt: skip
        self.assertEqual(len({look.marker for look in found.values()}), 4)

    def test_a_crowd_of_strangers_looks_different(self) -> None:
        found = looks({f"a{index}": "" for index in range(100)})
        self.assertEqual(len(set(found.values())), 100)
        self.assertEqual(len({found[f"a{index}"].colour for index in range(12)}), 12)


if __name__ == "__main__":
    unittest.main()
