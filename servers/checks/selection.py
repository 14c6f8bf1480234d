"""What the scripts here have in common: where the programs are, and which architectures to take."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from server_process import architectures  # noqa: E402


def new_parser(description):
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the programs are")
    return parser


def program(parser, arguments, name):
    path = arguments.build.resolve() / name
    if not path.exists():
        parser.error(f"--build: there is no {path}; run `make build`")
    return path


def chosen(parser, option, names, known):
    """`names`, or all that are known; ends the program if one isn't."""
    for name in names:
        if name not in known:
            parser.error(f"{option}: '{name}' is none of {', '.join(known)}")
    return list(names or known)


def chosen_architectures(parser, arguments, server):
    names = [name for name in arguments.architecture.split(",") if name]
    return chosen(parser, "--architecture", names, architectures(server))


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' must be 1 or more")
    return number
