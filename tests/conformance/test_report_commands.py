"""lossapi report and lossapi compare, from files that runs have written."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lossapi import cli
from lossapi.conformance.report import jsonlines
from lossapi.conformance.result import Result, Settings
from lossapi.conformance.run_report import Part, Report


@pytest.fixture
def lossapi(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = cli.run(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def write(path, subjects, loss="huber_loss", outcome="pass", got=""):
    report = Report(Settings(20, 1), dict.fromkeys(subjects, "1.0"), losses=[loss])
    with path.open("w") as stream, jsonlines.recording(report, stream) as keep:
        for subject in subjects:
            result = Result(loss, "value", "far/value", "float32", outcome, got=got)
            part = Part(subject, loss, [replace(result, subject=subject, expected="1.5")])
            report.add(part)
            keep(part)


@pytest.fixture
def files(tmp_path):
    write(tmp_path / "a.jsonl", ["numpy"])
    write(tmp_path / "b.jsonl", ["mine"], outcome="fail", got="1.25")
    write(tmp_path / "two.jsonl", ["numpy", "mine"])
    return tmp_path


def test_a_report_is_shown_again(lossapi, files):
    code, out, _ = lossapi("report", "a.jsonl", "b.jsonl")
    assert code == 0
    assert "numpy 1.0: conforming" in out
    assert "mine 1.0: NOT conforming" in out
    assert "FAIL mine huber_loss value far/value float32" in out


def test_a_report_that_was_cut_off_is_shown_as_partial_everywhere(lossapi, files):
    path = files / "a.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert "numpy 1.0: PARTIAL" in lossapi("report", "a.jsonl")[1]
    lossapi("report", "a.jsonl", "--html", ".", "--markdown", "s.md", "--badge", "b.svg")
    for name in ("index.html", "s.md", "b.svg"):
        assert "partial" in (files / name).read_text("utf-8").lower()


def test_several_reports_become_one_page(lossapi, files):
    written = ("--html", "site/here", "--markdown", "s.md", "--badge", "b.json")
    code, out, err = lossapi("report", "a.jsonl", "b.jsonl", *written)
    assert (code, err) == (0, "")
    assert out == "wrote site/here/index.html\nwrote s.md\nwrote b.json\n"
    assert "numpy, mine" in (files / "site/here/index.html").read_text("utf-8")
    assert "| function | numpy | mine |" in (files / "s.md").read_text("utf-8")
    assert json.loads((files / "b.json").read_text())["message"] == "1 of 2 right"
    assert lossapi("report", "a.jsonl", "--html", "page.html")[1] == "wrote page.html\n"


@pytest.mark.parametrize(
    ("given", "agree"),
    [
        (("a.jsonl", "b.jsonl"), False),
        (("a.jsonl", "two.jsonl"), True),
        (("b.jsonl", "two.jsonl"), False),
        (("two.jsonl", "numpy", "mine"), True),
        (("a.jsonl", "b.jsonl", "mine", "numpy"), False),
    ],
)
def test_two_subjects_are_compared(lossapi, files, given, agree):
    code, out, err = lossapi("compare", *given)
    assert (code, err) == (0 if agree else 1, "")
    assert f"disagree in {0 if agree else 1} of 1 cases" in out
    if not agree:
        assert "✗ fail, came 1.25" in out
        assert "1.5" in out


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("report",), ("FILE",)),
        (("report", "none.jsonl"), ("none.jsonl cannot be read",)),
        (("report", "other.txt"), ("other.txt is no report", "lossapi check --json")),
        (("report", "a.jsonl", "two.jsonl", "--markdown", "s.md"), ("numpy 1.0 huber_loss",)),
        (("report", "a.jsonl", "--badge", "b.png"), ("b.png", ".svg, .json")),
        (("report", "a.jsonl", "--html", "no/such.html"), ("no/such.html cannot be written",)),
        (("report", "a.jsonl", "--html", "other.txt/x"), ("cannot be",)),
        (("compare", "a.jsonl"), ("got 1 files and 0 other names", "two files")),
        (("compare", "two.jsonl", "numpy", "mien"), ("'mien'", "numpy, mine", "mean mine?")),
        (("compare", "c.jsonl", "two.jsonl"), ("no subject in common", "yours, theirs")),
        (("compare", "a.jsonl", "d.jsonl"), ("no judged case in common",)),
    ],
)
def test_a_mistake_is_one_line_and_2(lossapi, files, arguments, parts):
    (files / "other.txt").write_text("no report")
    write(files / "c.jsonl", ["yours", "theirs"])
    write(files / "d.jsonl", ["numpy"], loss="log_cosh")
    code, out, err = lossapi(*arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    for part in ("lossapi: ", *parts):
        assert part in err
