"""A run's report as JUnit XML, which continuous integration services read."""

from __future__ import annotations

from typing import BinaryIO
from xml.etree import ElementTree

from ..result import Result
from ..run_report import Report
from .summary import printable, told
from .terminal import failure_lines

_ELEMENTS = {
    "fail": "failure",
    "unexpected pass": "failure",
    "error": "error",
    "unsupported": "skipped",
    "spared": "skipped",
    "expected failure": "skipped",
}


def write(report: Report, stream: BinaryIO) -> None:
    """A suite for each subject, a case for each result."""
    suites = ElementTree.Element("testsuites", name="lossapi check", time=f"{report.seconds:.3f}")
    for name in report.subjects:
        results = [result for result in report.results if result.subject == name]
        suite = _suite(name, [_case(result) for result in results])
        stale = [line for line in report.stale if line.startswith(f"{name}: ")]
        for line in stale:
            case = ElementTree.Element("testcase", classname=name, name="expectations")
            ElementTree.SubElement(case, "failure", message=printable(line))
            suite.append(case)
        _count(suite)
        suites.append(suite)
    for name, reason in report.skipped.items():
        case = ElementTree.Element("testcase", classname=name, name="every check")
        ElementTree.SubElement(case, "skipped", message=printable(reason))
        suites.append(_suite(name, [case]))
    for kind in ("tests", "failures", "errors", "skipped"):
        suites.set(kind, str(sum(int(suite.get(kind, "0")) for suite in suites)))
    ElementTree.indent(suites)
    ElementTree.ElementTree(suites).write(stream, encoding="utf-8", xml_declaration=True)


def _suite(name: str, cases: list[ElementTree.Element]) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=name)
    suite.extend(cases)
    _count(suite)
    return suite


def _count(suite: ElementTree.Element) -> None:
    suite.set("tests", str(len(suite)))
    for kind, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(kind, str(len(suite.findall(f"testcase/{element}"))))


def _case(result: Result) -> ElementTree.Element:
    name = f"{result.check}: {result.case} {result.dtype}".strip()
    classname = f"{result.subject}.{result.loss}"
    case = ElementTree.Element("testcase", classname=printable(classname), name=printable(name))
    if result.outcome in _ELEMENTS:
        element = ElementTree.SubElement(case, _ELEMENTS[result.outcome])
        element.set("message", printable(told(result) or result.outcome))
        element.text = printable("\n".join(failure_lines(result)))
    return case
