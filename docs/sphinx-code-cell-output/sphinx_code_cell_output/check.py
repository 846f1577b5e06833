"""The commands `check` and `update`: compare the blocks of a project, and accept new outputs."""

import os
from argparse import Namespace
from pathlib import Path

from sphinx_code_cell_output import report, reports
from sphinx_code_cell_output.cells import Cell
from sphinx_code_cell_output.compare import differences
from sphinx_code_cell_output.results import Result, covers, results
from sphinx_code_cell_output.site import Built, Options, built, page_name
from sphinx_code_cell_output.terminal import ask, plural, show

FOLDER = "_build/code-cell-output"  # in the folder of conf.py
CHANGED = "the file has changed since it was built, or has no such cell"


def options_of(arguments: Namespace, *, fresh: bool) -> Options:
    """Return the options of the build."""
    conf = arguments.conf or arguments.source
    return Options(
        arguments.source,
        conf,
        pages=list(dict.fromkeys([*arguments.page, *(page for page, _ in arguments.cell)])),
        build=arguments.build_dir or Path(conf, FOLDER),
        fresh=fresh,
        jobs=arguments.jobs,
    )


def chosen(arguments: Namespace, site: Built) -> list[Result]:
    """Return the results of a build, or those of the cells that `--cell` names."""
    found = results(site)
    if not arguments.cell:
        return found
    wanted = [(page_name(arguments.source, page), line) for page, line in arguments.cell]
    return [
        result
        for result in found
        for page, line in wanted
        if result.cell and page == page_name(arguments.source, result.path)
        if covers(result.cell, line)
    ]


def check(arguments: Namespace) -> int:
    """Print each difference; return 1 if there is one, or if a block was not compared."""
    with built(options_of(arguments, fresh=not arguments.changed)) as site:
        found = chosen(arguments, site)
        loose = report.loose(site.app, ("cached_outputs", "checked_replaced"))
    for result in found:
        show(result)
    if arguments.github or os.environ.get("GITHUB_ACTIONS") == "true":
        for line in reports.annotations(found):
            print(line)
    if arguments.junit:
        arguments.junit.write_text(reports.junit(found), "utf-8")
    failed = sum(bool(result.problems) for result in found)
    skipped = sum(bool(result.skipped) for result in found)
    agreed = len(found) - failed - skipped
    for line in loose:
        print(line)
    print(
        f"{plural(len(found), 'output')}: {agreed} as stated, {failed} not, {skipped} not compared"
    )
    unwanted = [result for result in found if result.skipped and not result.by_choice]
    return int(bool(failed or unwanted or not agreed))


def can_be_accepted(result: Result) -> bool:
    """Whether all problems of a result are differences between a cell and its block."""
    found = differences([result.cell]) if result.cell else ()
    messages = [one.message for one in found if one.subtype in ("difference", "unstated")]
    return bool(messages) and all(one.message in messages for one in result.problems)


def update(arguments: Namespace) -> int:
    """Accept the outputs that differ, or those that are chosen; return 1 if a problem is left."""
    accepted: list[Result] = []
    with built(options_of(arguments, fresh=arguments.all)) as site:
        left = [result for result in chosen(arguments, site) if result.problems]
        for result in list(left):
            show(result)
            if not (result.cell and can_be_accepted(result)):
                continue
            answer = ask() if arguments.interactive else "y"
            if answer == "q":
                break
            if answer == "y":
                accepted.append(result)
                left.remove(result)
    refused = write(accepted)
    for result in refused:
        print(f"{result.path}:{result.line}: not rewritten: {CHANGED}")
    number = len(accepted) - len(refused)
    print(
        f"{plural(number, 'block')} rewritten, {plural(len(left) + len(refused), 'problem')} left"
    )
    return int(bool(left or refused))


def write(accepted: list[Result]) -> list[Result]:
    """Rewrite the blocks of these results; return those that their page has no place for."""
    pages = {result.path: result.page for result in accepted if result.page}
    refused: list[Cell] = []
    for path, page in pages.items():
        refused += page.accept([one.cell for one in accepted if one.cell and one.path == path])
    return [result for result in accepted if any(result.cell is cell for cell in refused)]
