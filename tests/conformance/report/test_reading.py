"""A report that was written is read back; whatever is missing or damaged is said."""

import io
import json
import math
from dataclasses import fields
from pathlib import Path

import pytest

from lossapi.conformance.report import jsonlines, reading
from lossapi.conformance.report.reading import ReportError
from lossapi.conformance.result import Result, Settings
from lossapi.conformance.run_report import Part, Report

LOSSES = ("huber_loss", "log_cosh")


def parts():
    def result(loss, case, outcome, **more):
        return Result(loss, "value", case, "float32", outcome, subject="mine", **more)

    hostile = {"message": "</script> \ud800 \x00 Σ", "note": "a\nb", "reproduce": "f(1)"}
    known = {"reason": "clamped", "kind": "bug", "issue": "https://e.org/1"}
    yield Part(
        "mine",
        "huber_loss",
        [
            result("huber_loss", "a/value", "pass", ulp=0.5, flags=("typical", "kink")),
            result("huber_loss", "b/value", "fail", ulp=math.inf, expected="1", got="2", **hostile),
        ],
        ["huber_loss shape: matches nothing"],
    )
    yield Part("mine", "log_cosh", [result("log_cosh", "", "expected failure", ulp=3.0, **known)])


def begun(**more):
    return Report(
        Settings(20, 7, 3, True), {"mine": "1.0"}, {"cupy": "no GPU"}, losses=LOSSES, **more
    )


@pytest.fixture
def written(tmp_path):
    """A report, and the file that was written while it was made."""
    report, stream = begun(checks=("value",), dtypes=("float32",)), io.StringIO()
    with jsonlines.recording(report, stream) as keep:
        for part in parts():
            report.add(part)
            report.seconds += 1.5
            keep(part)
    path = tmp_path / "report.jsonl"
    path.write_text(stream.getvalue(), "ascii")
    return report, path


def test_what_was_written_is_read(written):
    report, path = written
    found = reading.read(path)
    assert found.report == report
    assert found.report.partial == ""
    assert not found.report.conforming


def test_the_first_line_says_who_judged_whom_where_and_when(written):
    _, path = written
    first = json.loads(path.read_text().splitlines()[0])
    assert first["type"] == "run"
    assert (first["seed"], first["examples"], first["hunt"], first["thorough"]) == (7, 20, 3, True)
    assert first["subjects"] == {"mine": "1.0"}
    for told in ("lossapi", "python", "numpy", "platform"):
        assert first[told]
    assert first["date"].endswith("Z")


def test_the_page_on_reports_names_everything_that_a_file_holds(written):
    _, path = written
    page = (Path(__file__).parents[3] / "docs" / "reports.md").read_text("utf-8")
    keys = {key for line in path.read_text().splitlines() for key in json.loads(line)}
    assert sorted(key for key in keys if f"`{key}`" not in page) == []
    assert {field.name for field in fields(Result)} <= keys


def test_a_part_is_in_the_file_as_soon_as_it_is_judged(tmp_path):
    path = tmp_path / "report.jsonl"
    report = begun()
    with path.open("w") as stream, jsonlines.recording(report, stream) as keep:
        first, second = parts()
        keep(first)
        found = reading.read(path).report
        assert found.finished == [("mine", "huber_loss")]
        assert "no last line: the run was killed, or is still going on" in found.partial
        assert found.extent == "1 of 2 functions"
        keep(second)
        assert len(reading.read(path).report.finished) == 2


@pytest.mark.parametrize(
    ("raised", "told"),
    [(KeyboardInterrupt(), "interrupted"), (RuntimeError("a bug"), "broken off by RuntimeError")],
)
def test_a_run_that_is_broken_off_says_so_in_its_last_line(tmp_path, raised, told):
    def run():
        with path.open("w") as stream, jsonlines.recording(begun(), stream) as keep:
            keep(next(parts()))
            raise raised

    path = tmp_path / "report.jsonl"
    with pytest.raises(type(raised)):
        run()
    found = reading.read(path).report
    assert found.partial.startswith(told)
    assert len(found.results) == 2
    assert not found.conforming


def test_every_truncation_is_noticed_and_the_rest_is_read(written):
    report, path = written
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for length in range(first, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        found, kept = reading.read(path).report, reading.read(path).whole
        assert found.partial
        assert found.results == report.results[: len(found.results)]
        assert first <= kept <= length
        path.write_bytes(whole[:kept])
        again = reading.read(path).report
        assert again.finished == report.finished[: len(again.finished)]


def lines_of(path):
    return path.read_text().splitlines()


@pytest.mark.parametrize(
    ("line", "damage", "told"),
    [
        (2, "{", "line 3 is not JSON"),
        (2, "[1]", "line 3 is no JSON object"),
        (2, '{"type": "resutl"}', "line 3 is of type resutl; accepted are result, done, end"),
        (2, '{"type": "result"}', "line 3 has no loss"),
        (2, '{"type": []}', "line 3 is of type []"),
        (2, "[" * 100_000, "line 3 is not JSON"),
        (2, None, "line 3 tells of 2 results of mine huber_loss; 1 are here"),
        (3, None, "line 5 tells of 1 results of mine log_cosh; 3 are here"),
        (-1, None, "it has no last line"),
        (0, "again", "line 2 is of type run"),
        (-1, "again", "comes after the end"),
    ],
)
def test_damage_is_told_by_its_line(written, line, damage, told):
    _, path = written
    lines = lines_of(path)
    if damage == "again":
        lines.insert(line + 1 if line >= 0 else len(lines), lines[line])
    elif damage is None:
        del lines[line]
    else:
        lines[line] = damage
    path.write_text("\n".join(lines) + "\n")
    found = reading.read(path)
    assert told in found.report.partial
    assert not found.report.conforming


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"outcome": "passed"}, "has no known outcome"),
        ({"ulp": "many"}, "has no ulp"),
        ({"flags": "kink"}, "has no flags"),
        ({"flags": [1]}, "has no flags"),
        ({"message": 3}, "has no message"),
        ({"subject": "yours"}, "is of yours huber_loss, of which the first line says nothing"),
    ],
)
def test_a_result_that_means_nothing_is_told(written, change, told):
    _, path = written
    lines = lines_of(path)
    lines[1] = json.dumps({**json.loads(lines[1]), **change})
    path.write_text("\n".join(lines) + "\n")
    assert f"line 2 {told}" in reading.read(path).report.partial


def test_a_last_line_that_counts_otherwise_is_told(written):
    _, path = written
    path.write_text(path.read_text().replace('"pass": 1', '"pass": 2'))
    assert "counts other results than it has" in reading.read(path).report.partial


def test_many_problems_are_told_shortly(written):
    _, path = written
    path.write_text(lines_of(path)[0] + "\n" + "?\n" * 10)
    assert reading.read(path).report.partial.count("is not JSON") == 3
    assert reading.read(path).report.partial.endswith("and 8 more problems")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not JSON"),
        ("no report\n", "is not JSON"),
        ('{"type": "end"}\n', "does not begin a run"),
        ('{"type": "run", "format": 99}\n', "its format is 99, this version reads 1"),
        ('{"type": "run", "format": 1}\n', "has no examples"),
    ],
)
def test_a_file_that_is_no_report_is_an_error(tmp_path, text, told):
    path = tmp_path / "other.jsonl"
    path.write_text(text)
    with pytest.raises(ReportError, match="is no report") as caught:
        reading.read(path)
    assert told in str(caught.value)
    assert "lossapi check --json" in str(caught.value)
