"""The command `code-cell-output`: its arguments, and the function of each subcommand."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from importlib import import_module
from pathlib import Path

from sphinx.errors import SphinxError

from sphinx_code_cell_output import __version__

# A subcommand is the function of its name, in the module of its name: `--help` imports none.
MODULES = {"update": "check"}


def cell(text: str) -> tuple[str, int]:
    """Return the page and the line of `page.md:14`.

    Raises:
        ArgumentTypeError: The text has another form.
    """
    page, _, line = text.rpartition(":")
    if not (page and line.isdecimal()):
        raise ArgumentTypeError(f"expected PAGE:LINE, such as index.md:14, got {text!r}")
    return page, int(line)


def setting(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the name and the values of `NAME=A,B`.

    Raises:
        ArgumentTypeError: The text has another form.
    """
    name, equals, values = text.partition("=")
    if not (name and equals and values):
        raise ArgumentTypeError(f"expected NAME=VALUE,VALUE, got {text!r}")
    return name, tuple(values.split(","))


def parser() -> ArgumentParser:
    """Return the parser of all subcommands."""
    project = ArgumentParser(add_help=False)
    project.add_argument("source", type=Path, metavar="SOURCE", help="the folder of the pages")
    project.add_argument(
        "-c", "--conf", type=Path, metavar="DIR", help="the folder of conf.py (default: SOURCE)"
    )
    some = ArgumentParser(add_help=False)
    some.add_argument(
        "--page", action="append", default=[], help="build this page alone; may be repeated"
    )
    outputs = ArgumentParser(add_help=False)
    outputs.add_argument(
        "--cell",
        type=cell,
        action="append",
        default=[],
        metavar="PAGE:LINE",
        help="the cell that has this line, or whose block has it, alone; may be repeated",
    )
    outputs.add_argument(
        "--build-dir",
        type=Path,
        metavar="DIR",
        help="where the build is kept (default: _build/code-cell-output beside conf.py)",
    )
    outputs.add_argument("-j", "--jobs", type=int, default=1, help="parallel builds of pages")
    main = ArgumentParser("code-cell-output", description="Check the outputs of executed pages.")
    main.add_argument("--version", action="version", version=__version__)
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")

    one = commands.add_parser(
        "check", parents=[project, some, outputs], help="compare each output with its cell"
    )
    one.add_argument(
        "--changed", action="store_true", help="run the pages that changed or differed last time"
    )
    one.add_argument("--junit", type=Path, metavar="FILE", help="write a report in JUnit's XML")
    one.add_argument(
        "--github",
        action="store_true",
        help="print GitHub's annotations (default: if GITHUB_ACTIONS is true)",
    )

    one = commands.add_parser(
        "update", parents=[project, some, outputs], help="rewrite the blocks that differ"
    )
    one.add_argument(
        "--all", action="store_true", help="run every page, not those that changed or differed"
    )
    one.add_argument("-i", "--interactive", action="store_true", help="ask for each block")

    one = commands.add_parser(
        "mutate",
        parents=[project, some],
        help="alter each digit, sign and word that is stated: the checks must notice",
    )
    one.add_argument("--sample", type=int, metavar="N", help="take only so many of the mutants")
    one.add_argument("--seed", type=int, default=0, metavar="N", help="which ones (default: 0)")
    one.add_argument("--site", type=Path, metavar="DIR", help="reuse this HTML build of the site")

    one = commands.add_parser(
        "portable", parents=[project, some], help="compare under each pair of settings"
    )
    one.add_argument(
        "--env",
        type=setting,
        action="append",
        required=True,
        metavar="NAME=A,B",
        help="an environment variable and its values; may be repeated",
    )
    one.add_argument("-j", "--jobs", type=int, default=2, help="parallel builds (default: 2)")
    return main


def main(arguments: list[str] | None = None) -> int:
    """Run a subcommand; return its exit code, or 2 if the project cannot be built."""
    options = parser().parse_args(arguments)
    try:
        module = MODULES.get(options.command, options.command)
        run = getattr(import_module(f"sphinx_code_cell_output.{module}"), options.command)
        return int(run(options))
    except SphinxError as error:
        print(f"{error.category}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
