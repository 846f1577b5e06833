"""Run the cells of docs/errors.md with another version of torch, and store the differences.

The page states the outputs of the torch that the site is built with. `tox -e docs-versions` runs
this program, which needs torch alone, with another one. It writes the outputs that differ to
docs/_data/error_versions.json, and the page shows them from there.
"""

import ast
import contextlib
import io
import json
import re
import warnings
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

PAGE = Path(__file__).with_name("errors.md")
DATA = PAGE.parent / "_data" / "error_versions.json"
LABEL = re.compile(r"^\((error-[\w-]+)\)=\n#+ ", re.MULTILINE)
FENCE = re.compile(r"^```\{([\w-]+)\}.*\n((?:(?!```).*\n)*)```$", re.MULTILINE)
OPTIONS = re.compile(r"\A(?::.*\n)+\n*")
MESSAGE = re.compile(r"^\w+(?:Error|Warning): .*", re.MULTILINE)
# The path of PyTorch's source is not part of the message.
PLACE = re.compile(r" \([^()\n]* at \S+:\d+\.\)")


class Cell(NamedTuple):
    """A cell, and the output that the block below it states."""

    code: str
    stated: str


def entries(page: str) -> tuple[str, dict[str, str]]:
    """Return the text before the first entry of a page, and the text of each entry by its label."""
    start, *parts = LABEL.split(page)
    return start, dict(zip(parts[::2], parts[1::2], strict=True))


def cells(text: str) -> list[Cell]:
    """Return the cells of a part of a page."""
    found: list[Cell] = []
    for name, body in FENCE.findall(text):
        if name == "code-cell":
            found.append(Cell(OPTIONS.sub("", body), ""))
        elif name == "code-cell-output":
            found[-1] = Cell(found[-1].code, body.rstrip())
    return found


def fingerprint(page: str) -> str:
    """Return a hash of all cells of a page and their stated outputs."""
    start, parts = entries(page)
    told = [cells(start), *([name, cells(text)] for name, text in parts.items())]
    return sha256(repr(told).encode()).hexdigest()[:16]


def run(code: str, names: dict[str, Any]) -> str:
    """Return the output of a cell: its prints, then warnings, then its value or its error."""
    *body, last = ast.parse(code).body
    begin = compile(ast.Module(body, []), "cell", "exec")
    if isinstance(last, ast.Expr):
        end = compile(ast.Expression(last.value), "cell", "eval")
    else:
        end = compile(ast.Module([last], []), "cell", "exec")
    value = error = ""
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        warnings.catch_warnings(record=True) as warned,
    ):
        warnings.simplefilter("always")
        try:
            exec(begin, names)  # noqa: S102  # the code is our page's
            result = eval(end, names)  # noqa: S307
            value = "" if result is None else repr(result)
        except Exception as raised:  # noqa: BLE001  # each one is an output
            error = f"{type(raised).__name__}: {raised}"
    said = [f"{one.category.__name__}: {PLACE.sub('', str(one.message))}" for one in warned]
    parts = [out.getvalue().rstrip(), *said, value, error]
    return "\n".join(part for part in parts if part)


def differences(page: str) -> list[dict[str, Any]]:
    """Return the outputs that differ from the page, each entry run by itself."""
    start, parts = entries(page)
    found = []
    for name, text in parts.items():
        names: dict[str, Any] = {}
        for cell in cells(start):
            run(cell.code, names)
        for number, cell in enumerate(cells(text), start=1):
            said = run(cell.code, names)
            if said != cell.stated:
                found.append({"entry": name, "cell": number, "page": cell.stated, "said": said})
    return found


def merged(
    data: dict[str, Any], version: str, page: str, found: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the data with the differences of one version replaced."""
    said = [
        (one, each)
        for each in data["differences"]
        for one in each.pop("versions")
        if one != version
    ]
    said += [(version, each) for each in found]
    differences: list[dict[str, Any]] = []
    for one, each in sorted(said, key=lambda pair: (pair[1]["entry"], ordered(pair[0]))):
        known = [other for other in differences if each.items() <= other.items()]
        if known:
            known[0]["versions"].append(one)
        else:
            differences.append({**each, "versions": [one]})
    asked = data["asked"] | {version: fingerprint(page)}
    asked = dict(sorted(asked.items(), key=lambda item: ordered(item[0])))
    return {"asked": asked, "differences": differences}


def ordered(version: str) -> list[int]:
    """Return a sort key of a version: 2.10 follows 2.9."""
    return [int(part) for part in re.findall(r"\d+", version)]


def main() -> None:
    """Run the page with the installed torch; print and store the differences."""
    import torch  # noqa: PLC0415  # the site reads the pages without it

    page = PAGE.read_text("utf-8")
    version = torch.__version__.partition("+")[0]
    found = differences(page)
    data = merged(json.loads(DATA.read_text("utf-8")), version, page, found)
    DATA.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
    for one in found:
        print(f"{one['entry']}:\n  page: {one['page']!r}\n  {version}: {one['said']!r}")
    print(f"{len(found)} outputs differ under torch {version}")


if __name__ == "__main__":
    main()
