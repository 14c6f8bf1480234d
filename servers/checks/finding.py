"""What a check of robustness found."""

import dataclasses


class Skipped(Exception):
    """The check can't be made here; says why."""


@dataclasses.dataclass
class Finding:
    """`figures` by name, for the table and for JSON; `problems` in words, none: all was well."""

    figures: dict = dataclasses.field(default_factory=dict)
    problems: list = dataclasses.field(default_factory=list)

    def must(self, good, problem):
        if not good:
            self.problems.append(problem)

    def must_be_none(self, counters, *names):
        for name in names:
            self.must(counters[name] == 0, f"{counters[name]:,} {name}")
