"""The command line: verdicts as exit codes, mistakes as one line."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from xml.etree import ElementTree

import pytest

from lossapi import cli
from lossapi.conformance.oracle.specfile import load_spec, spec_names
from lossapi.conformance.reference import pages
from lossapi.conformance.report import reading

QUICK = ("--loss", "huber_loss", "--check", "value", "--dtype", "float64")


@pytest.fixture
def lossapi(capsys):
    def run(*arguments):
        code = cli.run(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_list_names_every_function(lossapi):
    code, out, _ = lossapi("list")
    assert code == 0
    named = [line.split()[0] for line in out.splitlines() if line.startswith(" ")]
    assert sorted(named) == spec_names()


def test_a_library_that_a_function_is_not_for_is_told_why_and_not_passed(lossapi):
    only = ("--loss", "wasserstein_distance", "--check", "value", "--dtype", "float64")
    code, out, err = lossapi("check", "numpy", "array_api_strict", *only)
    assert code == 2
    assert "array_api_strict has no wasserstein_distance, which is for numpy only" in out
    assert "numpy 2" in out
    assert "array_api_strict" in err.splitlines()[-1]


def test_list_can_be_narrowed_to_a_family(lossapi):
    _, out, _ = lossapi("list", "--family", "regression")
    assert "huber_loss" in out
    assert "softmax" not in out


def test_show_prints_the_reference_page(lossapi):
    assert "  one_hot " in lossapi("list", "--family", "primitive")[1]
    assert lossapi("show", "one_hot") == (0, pages.render(load_spec("one_hot")), "")
    assert lossapi("show", "huber_loss") == (0, pages.render(load_spec("huber_loss")), "")


def test_check_conforming_is_0(lossapi):
    code, out, err = lossapi("check", "numpy", *QUICK)
    assert code == 0
    assert "conforming" in out
    assert "numpy huber_loss" in err


def test_check_writes_files_for_programs(lossapi, tmp_path):
    lines, suites = tmp_path / "r.jsonl", tmp_path / "r.xml"
    lossapi("check", "numpy", *QUICK, "--json", str(lines), "--junit", str(suites))
    assert json.loads(lines.read_text("utf-8").splitlines()[-1])["conforming"] is True
    assert ElementTree.parse(suites).getroot().get("failures") == "0"


def test_check_not_conforming_is_1(lossapi, monkeypatch):
    from lossapi.conformance.backend_subject import BackendSubject
    from lossapi.conformance.subject import Response

    right = BackendSubject.run

    def wrong(self, request):
        response = right(self, request)
        return Response(tuple(array + 1.0 for array in response.arrays), response.dtypes)

    monkeypatch.setattr(BackendSubject, "run", wrong)
    code, out, _ = lossapi("check", "numpy", *QUICK)
    assert code == 1
    assert "FAIL numpy huber_loss value" in out
    assert "NOT conforming" in out


def test_a_run_that_judges_nothing_is_2(lossapi):
    code, _, err = lossapi("check", "numpy", "--loss", "huber_loss", "--dtype", "bfloat16")
    assert code == 2
    assert "nothing was judged of numpy" in err


def test_the_seed_can_be_given_and_is_printed(lossapi):
    assert "seed 12" in lossapi("check", "numpy", *QUICK, "--seed", "12")[1]


def test_choose_lists_what_it_can_be_asked(lossapi):
    code, out, _ = lossapi("choose")
    assert code == 0
    for part in ("segmentation  [--imbalance]", "--outliers: Are there targets", "severe"):
        assert part in out


def test_choose_gives_calls_with_reasons_and_sources(lossapi):
    code, out, _ = lossapi("choose", "segmentation", "--imbalance", "severe")
    assert code == 0
    assert out.startswith("segmentation, imbalance: severe\n")
    assert "1. tversky_loss(false_positive_weight=0.3, false_negative_weight=0.7)" in out
    assert "https://arxiv.org/abs/1706.05721" in out
    assert "lossapi show tversky_loss" in out


@pytest.fixture
def drawing(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_plot_writes_a_picture_and_nothing_beside_it(lossapi, drawing):
    code, out, err = lossapi("plot", "huber_loss", "--param", "delta=0.5,1,2", "-o", "huber.png")
    assert (code, out, err) == (0, "wrote huber.png\n", "")
    assert (drawing / "huber.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in drawing.iterdir()] == ["huber.png"]


def test_plot_shows_what_is_asked_for(lossapi, drawing):
    given = ("--param", "target=1", "--input", "prediction", "--range", "-1", "3")
    pictures = set()
    for face in ("values", "gradient", "curvature"):
        code, _, _ = lossapi("plot", "huber_loss", *given, "--show", face, "-o", "a.svg")
        assert code == 0
        pictures.add((drawing / "a.svg").read_text("utf-8"))
    assert len(pictures) == 3
    assert all(picture.startswith("<?xml") for picture in pictures)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("--param", "delt=1"), ("'delt'", "delta, prediction, target", "mean delta?")),
        (("--param", "delta=0"), ("delta is '0'", "(0, inf)")),
        (("--param", "delta=wide"), ("delta is 'wide'", "(0, inf)")),
        (("--param", "delta"), ("'delta'", "NAME=VALUE")),
        (("--param", "delta=1", "--param", "delta=2"), ("delta came twice", "delta=1,2,5")),
        (("--param", f"delta={','.join('1' * 13)}"), ("13 curves", "up to 12")),
        (("--input", "delta"), ("wrt is 'delta'", "prediction, target")),
        (("--range", "3", "1"), ("--range is 3 1", "the smaller one first")),
        (("-o", "x.docx"), ("x.docx", ".png", ".svg")),
        (("-o", "no/such/x.png"), ("no/such/x.png cannot be written", "another file")),
    ],
)
def test_a_mistake_in_a_plot_is_one_line_and_leaves_no_file(lossapi, drawing, arguments, parts):
    output = () if "-o" in arguments else ("-o", "x.png")
    code, out, err = lossapi("plot", "huber_loss", *arguments, *output)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    for part in ("lossapi: ", *parts):
        assert part in err
    assert list(drawing.iterdir()) == []


def test_a_loss_without_a_curve_is_told(lossapi, drawing):
    assert "(k),(k)->()" in lossapi("plot", "softmax_cross_entropy", "-o", "x.png")[2]
    labels = ("--input", "target", "--show", "gradient", "-o", "x.png")
    told = lossapi("plot", "sigmoid_focal_loss", *labels)[2]
    assert "sigmoid_focal_loss has no gradient along target; accepted are values" in told


def test_a_picture_that_cannot_be_moved_into_place_leaves_nothing(lossapi, drawing):
    (drawing / "taken.png").mkdir()
    code, _, err = lossapi("plot", "huber_loss", "-o", "taken.png")
    assert code == 2
    assert "taken.png cannot be written" in err
    assert [path.name for path in drawing.iterdir()] == ["taken.png"]


def test_without_matplotlib_a_plot_says_what_to_install(lossapi, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, err = lossapi("plot", "huber_loss", "-o", str(tmp_path / "x.png"))
    assert code == 2
    assert err.endswith("install it with: pip install 'lossapi[plot]'\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (
            ("chek",),
            (
                "'chek'",
                "accepted are check, choose, compare, export, list, plot",
                "mean check?",
            ),
        ),
        (("show", "huber"), ("'huber'", "absolute_error", "mean huber_loss?")),
        (("show",), ("LOSS",)),
        (("choose", "regresion"), ("'regresion'", "'segmentation'", "mean 'regression'?")),
        (("choose", "regression", "--noise", "vary"), ("'vary'", "'constant', 'varying'")),
        (("choose", "regression", "--imbalance", "none"), ("does not matter", "noise, outliers")),
        (("choose", "--noise", "some"), ("need a problem", "lossapi choose")),
        (("list", "--family", "regresion"), ("'regresion'", "primitive", "mean regression?")),
        (("check", "nump"), ("'nump'", "torch", "Array API", "mean numpy?")),
        (("check", "json"), ("'json'", "Array API")),
        (("check", "--loss", "hubr_loss"), ("'hubr_loss'", "mean huber_loss?")),
        (("check", "--check", "values"), ("'values'", "gradient", "mean value?")),
        (("check", "--dtype", "float8"), ("'float8'", "bfloat16", "float64")),
        (("check", "--los", "x"), ("--los", "--loss")),
        (("check", "--hunt", "many"), ("--hunt", "many")),
        (("check", "--examples", "0"), ("--examples", "0")),
        (("check", "numpy", *QUICK, "--json", "/no/such/file"), ("/no/such/file", "cannot")),
        (("plot", "hubr_loss", "-o", "x.png"), ("'hubr_loss'", "mean huber_loss?")),
        (("plot", "huber_loss"), ("--output",)),
        (("plot", "huber_loss", "-o", "x.png", "--show", "slope"), ("'slope'", "curvature")),
        (("spec", "biuld"), ("'biuld'", "accepted are build, bundle, verify", "mean build?")),
        (("spec", "build", "hubr_loss"), ("'hubr_loss'", "mean huber_loss?")),
        (("spec", "bundle", "-o", "/no/such/file"), ("/no/such/file", "cannot")),
    ],
)
def test_a_mistake_is_one_line_and_2(lossapi, arguments, parts):
    code, out, err = lossapi(*arguments)
    assert code == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    for part in ("lossapi: ", *parts):
        assert part in err


def test_a_malformed_specification_is_one_line_and_2(lossapi, monkeypatch):
    from lossapi.conformance.oracle import specfile

    monkeypatch.setattr(specfile, "_files", lambda: {"huber_loss": ("regression", Broken())})
    code, _, err = lossapi("check", "numpy")
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "spec/losses/regression/huber_loss.yaml" in err


class Broken:
    def read_text(self, encoding):
        return "name: huber_loss\n"


def test_a_missing_extra_is_one_line_that_says_what_to_install(lossapi, monkeypatch):
    monkeypatch.setitem(sys.modules, "click", None)
    code, _, err = lossapi("list")
    assert code == 2
    assert err == (
        "lossapi: this command needs click, which is not installed; "
        "install it with: pip install 'lossapi[check]'\n"
    )


def test_a_missing_library_is_said_with_what_to_install(lossapi, monkeypatch):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else found(name)
    )
    code, _, err = lossapi("check", "torch", *QUICK)
    assert code == 2
    assert err == (
        "lossapi: torch is not installed; install it with: pip install 'lossapi[torch]'\n"
    )


def test_without_a_subject_what_cannot_run_is_told_and_not_counted(lossapi, monkeypatch):
    from lossapi.conformance import finding

    def only_numpy(name, timeout=None):
        if name == "numpy":
            return real(name)
        raise finding.NotFoundError(f"{name} is away")

    real = finding.find
    monkeypatch.setattr(finding, "find", only_numpy)
    code, out, _ = lossapi("check", *QUICK)
    assert code == 0
    assert "torch: not run: torch is away" in out
    assert "torch  " not in out


def test_an_unforeseen_fault_is_no_verdict(lossapi, monkeypatch):
    from lossapi.conformance import runner

    def fail(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(runner, "load_checks", fail)
    code, _, err = lossapi("check", "numpy", *QUICK)
    assert code == 2
    assert "RuntimeError: a bug" in err


def test_verify_tells_what_is_stale(lossapi, monkeypatch):
    from lossapi.conformance.reference import stubs

    assert lossapi("spec", "verify", "huber_loss")[0] == 0
    monkeypatch.setattr(stubs, "render", lambda: "")
    code, out, _ = lossapi("spec", "verify", "huber_loss")
    assert code == 1
    assert "lossapi/__init__.pyi is stale" in out


def test_building_again_changes_nothing(lossapi):
    page = pages.path("huber_loss")
    before = page.read_bytes()
    assert lossapi("spec", "build", "huber_loss")[0] == 0
    assert page.read_bytes() == before


TWO = ("--loss", "huber_loss", "--loss", "log_cosh", "--check", "value", "--seed", "5")


@pytest.fixture
def broken_off(lossapi, tmp_path):
    """A report whose run was killed while it wrote its second function, and the whole one."""
    whole, path = tmp_path / "whole.jsonl", tmp_path / "broken.jsonl"
    lossapi("check", "numpy", *TWO, "--jobs", "1", "--json", str(whole))
    path.write_bytes(whole.read_bytes()[: -whole.stat().st_size // 4])
    return path, whole


def results_of(path):
    return [line for line in path.read_text().splitlines() if '"type": "result"' in line]


def test_a_run_that_was_broken_off_is_carried_on_with_the_options_it_had(lossapi, broken_off):
    path, whole = broken_off
    assert results_of(path) != results_of(whole)
    code, out, err = lossapi("check", "--resume", str(path), "--jobs", "1")
    assert code == 0
    assert "2 functions" in out
    assert "seed 5" in out
    assert "numpy log_cosh" in err
    assert "numpy huber_loss" not in err
    assert results_of(path) == results_of(whole)
    assert json.loads(path.read_text().splitlines()[-1])["conforming"] is True


def test_a_whole_run_has_nothing_to_carry_on(lossapi, broken_off):
    _, whole = broken_off
    before = results_of(whole)
    code, out, err = lossapi("check", "numpy", "--resume", str(whole), *TWO, "--jobs", "1")
    assert (code, err) == (0, "")
    assert "2 functions" in out
    assert results_of(whole) == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("--seed", "6"), "begun with seed 5, and this run has 6"),
        (("--hunt", "9"), "begun with hunt 0, and this run has 9"),
        (("--loss", "log_cosh"), "begun with losses huber_loss, log_cosh"),
        (("--check", "shape"), "begun with checks value"),
        (("--dtype", "float32"), "begun with dtypes all"),
        (("array_api_strict",), "begun with subjects numpy"),
        (("--json", "other.jsonl"), "leave --json out"),
    ],
)
def test_a_run_is_not_carried_on_as_another(lossapi, broken_off, change, told):
    path, _ = broken_off
    before = path.read_bytes()
    code, out, err = lossapi("check", "--resume", str(path), *change)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert told in err
    assert path.read_bytes() == before


def test_a_run_is_not_carried_on_with_another_version(lossapi, broken_off, monkeypatch):
    import lossapi as package

    path, _ = broken_off
    monkeypatch.setattr(package, "__version__", "9.9")
    _, _, err = lossapi("check", "--resume", str(path))
    assert "begun with lossapi 0.1.0, and this run has 9.9" in err


def command(*arguments):
    return [sys.executable, "-c", "from lossapi.cli import main; main()", *arguments]


def test_without_a_command_there_is_help():
    told = subprocess.run(command(), capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert "check" in told.stdout + told.stderr
    assert "Traceback" not in told.stderr


@contextmanager
def under_way(path):
    """A run that has judged its first function, and writes its report."""
    with subprocess.Popen(
        command("check", "numpy", "--check", "value", "--json", str(path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        assert started.stderr is not None
        assert started.stderr.readline().startswith("[1/")
        yield started


@pytest.mark.skipif(os.name == "nt", reason="there are no POSIX signals")
def test_an_interrupt_is_130_and_leaves_a_report_that_says_it_is_partial(tmp_path):
    path = tmp_path / "report.jsonl"
    with under_way(path) as started:
        started.send_signal(signal.SIGINT)
        _, err = started.communicate(timeout=60)
    assert started.returncode == 130, err
    assert err.splitlines()[-1] == "lossapi: interrupted"
    assert "Traceback" not in err
    assert f"carry on with: lossapi check --resume {path}" in err
    found = reading.read(path).report
    assert found.partial == "interrupted"
    assert found.finished
    assert not found.bad


@pytest.mark.skipif(os.name == "nt", reason="there are no POSIX signals")
def test_a_run_that_is_killed_leaves_its_report_and_no_process(tmp_path):
    path = tmp_path / "report.jsonl"
    with under_way(path) as started:
        started.kill()
        started.communicate(timeout=60)  # ends only with the last process that could write there
    found = reading.read(path).report
    assert "it has no last line" in found.partial
    assert found.finished


@pytest.mark.skipif(os.name == "nt", reason="there are no POSIX pipes")
def test_a_reader_that_leaves_is_no_error():
    started = subprocess.Popen(
        command("spec", "verify"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    assert started.stderr is not None
    with started.stderr as told:
        started.stdout.close()
        assert told.read() == ""
    started.wait(timeout=60)
