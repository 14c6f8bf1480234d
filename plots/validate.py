#!/usr/bin/python3
"""Validates a report: validate.py RESULTS_DIR_OR_REPORT_JSON prints one line of outcome.

Exit 0 if the report follows results/schema/report.v1.json, 1 if not, 2 if it can't be told.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

SCHEMA = Path(__file__).resolve().parent.parent / "results" / "schema" / "report.v1.json"
SHOWN_MAX = 300  # characters of a message: a wrong cell is printed whole otherwise


def problems(document: Any) -> list[str]:
    """All that is wrong with a parsed report, each in one line; empty if it is valid."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    errors = sorted(validator.iter_errors(document), key=lambda error: list(map(str, error.path)))
    return [f"{error.json_path}: {_short(error.message)}" for error in errors]


def _short(message: str) -> str:
    line = " ".join(message.split())
    if len(line) <= SHOWN_MAX:
        return line
    return f"{line[: SHOWN_MAX // 2]} ... {line[-SHOWN_MAX // 2 :]}"


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("validate.py: usage: validate.py RESULTS_DIR_OR_REPORT_JSON", file=sys.stderr)
        return 2
    path = Path(arguments[0])
    path = path / "report.json" if path.is_dir() else path
    try:
        found = problems(json.loads(path.read_text(encoding="utf-8")))
    except ImportError:
        print("validate.py: needs jsonschema (apt install python3-jsonschema)", file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        print(f"validate.py: {path}: {error}", file=sys.stderr)
        return 2
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        print(f"validate.py: {path}: not valid: {found[0]}{more}", file=sys.stderr)
        return 1
    print(f"validate.py: {path}: valid")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
