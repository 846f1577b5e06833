"""Reports for CI: JUnit's XML, and the annotations of GitHub Actions."""

from pathlib import Path
from xml.etree import ElementTree as ET

from sphinx_code_cell_output.results import Result


def junit(results: list[Result]) -> str:
    """Return the results as JUnit's XML: a test for each block, with its file and line."""
    suite = ET.Element(
        "testsuite",
        name="code-cell-output",
        tests=str(len(results)),
        failures=str(sum(bool(result.problems) for result in results)),
        skipped=str(sum(bool(result.skipped) for result in results)),
        errors="0",
    )
    for result in results:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=Path(result.path).with_suffix("").as_posix().replace("/", "."),
            name=f"{result.name}, line {result.line}" if result.cell else result.name,
            file=result.path,
            line=str(result.line),
        )
        if result.problems:
            first = result.text.partition("\n")[0]
            ET.SubElement(case, "failure", message=first).text = printable(result.text)
        elif result.skipped:
            ET.SubElement(case, "skipped", message=result.skipped)
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def printable(text: str) -> str:
    """Return a text with the characters escaped that XML does not allow."""
    return "".join(
        one if one.isprintable() or one in "\n\t" else one.encode("unicode_escape").decode()
        for one in text
    )


def escaped(text: str) -> str:
    """Return a text for one line of GitHub's workflow commands."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def annotations(results: list[Result]) -> list[str]:
    """Return a line for each problem, which GitHub shows beside the line of the file."""
    lines = []
    for result in results:
        for problem in result.problems:
            path = escaped(problem.path).replace(":", "%3A").replace(",", "%2C")
            place = f"file={path},line={max(problem.line, 1)}"
            lines.append(f"::error {place},title=code-cell-output::{escaped(problem.message)}")
    return lines
