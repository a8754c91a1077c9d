"""The harnesses in other languages conform in what they claim."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lossapi.conformance import HarnessSubject
from lossapi.conformance.oracle.specfile import load_spec, spec_names
from lossapi.conformance.protocol.validate import validate
from lossapi.conformance.result import Settings
from lossapi.conformance.runner import load_checks, run

HARNESSES = Path(__file__).parents[2] / "examples" / "harnesses"
Build = Callable[[Path], list[str]]
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")


def javascript(_: Path) -> list[str]:
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed: the harness in JavaScript needs the program node")
    return ["node", str(HARNESSES / "javascript" / "harness.js")]


def c(folder: Path) -> list[str]:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler is installed: the harness in C needs the program cc")
    program = folder / "harness"
    source = HARNESSES / "c" / "harness.c"
    subprocess.run(
        [compiler, "-std=c11", *WARNINGS, "-O2", "-o", program, source, "-lm"], check=True
    )
    return [str(program)]


LANGUAGES: dict[str, Build] = {"javascript": javascript, "c": c}
FEW = ("squared_error", "huber_loss", "log_cosh", "hinge_loss", "softmax_cross_entropy")
MORE = ("sigmoid_binary_cross_entropy", "sparse_softmax_cross_entropy", "kl_divergence")
CLAIMS = [
    *((loss, language) for loss in FEW for language in LANGUAGES),
    *((loss, "javascript") for loss in MORE),
]
"""By function, since the exact results of one are computed once for all who have it."""
EVERYTHING = ("log_cosh", "softmax_cross_entropy")
"""The functions of which more than the points of the specification is looked at here."""


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], HarnessSubject]]:
    made: dict[str, HarnessSubject] = {}

    def find(language: str) -> HarnessSubject:
        if language not in made:
            command = LANGUAGES[language](tmp_path_factory.mktemp(language))
            made[language] = HarnessSubject(command)
        return made[language]

    yield find
    for subject in made.values():
        subject.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_keeps_to_the_protocol(language: str, tmp_path: Path) -> None:
    found = list(validate(shlex.join(LANGUAGES[language](tmp_path))))
    assert {exchange.verdict for exchange in found} == {"ok", "unsupported"}
    lacks = {exchange.what for exchange in found if exchange.verdict == "unsupported"}
    assert lacks == {"a function that there is not"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_it_claims_is_judged_here(
    language: str, harness: Callable[[str], HarnessSubject]
) -> None:
    claimed = {loss for loss in spec_names() if harness(language).supports(loss)}
    assert claimed == {loss for loss, who in CLAIMS if who == language}


@pytest.mark.parametrize(("loss", "language"), CLAIMS)
def test_its_losses_conform(
    loss: str, language: str, harness: Callable[[str], HarnessSubject]
) -> None:
    kinds = ("value", "gradient", "dtype", "shape")
    kinds += ("stability", "properties") if loss in EVERYTHING else ()
    report = run(
        [harness(language)], [load_spec(loss)], load_checks(kinds), (), Settings(20, seed=11)
    )
    assert report.conforming, [(r.check, r.case, r.message) for r in report.bad][:5]
    judged = {(r.check, r.dtype) for r in report.results if r.outcome == "pass"}
    assert judged >= {(kind, "float64") for kind in kinds}
    assert judged >= {("value", "float32"), ("gradient", "float32")}
