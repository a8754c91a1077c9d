"""What names a subject finds it, or says what is accepted."""

import os
from pathlib import Path

import numpy as np
import pytest

from lossapi.conformance import FunctionSubject, Request, finding
from lossapi.conformance.finding import NotFoundError, find, implementation, implementations


def crashing(prediction, target):
    if np.any(prediction > 100):
        os._exit(3)
    return (prediction - target) ** 2


def mine():
    return FunctionSubject("mine", {"squared_error": crashing}, version="7")


ROOT = Path(__file__).parents[2]
SOURCE = f"{__name__}:mine"
NOT_A_SUBJECT = {"a": 1}


def ask(prediction):
    inputs = {"prediction": np.array([prediction]), "target": np.array([1.0])}
    return Request("squared_error", inputs, "float64", options={"reduction": "none"})


def test_an_array_library_is_found_by_its_name():
    assert find("numpy").name == "numpy"
    with pytest.raises(NotFoundError, match=r"no backend 'nunpy'.*Did you mean numpy"):
        find("nunpy")


@pytest.mark.parametrize(
    ("accepted", "other", "told"),
    [
        ([], "", "there is no loss 'huber', nor any other."),
        ([], "a file", "there is no loss 'huber'; accepted is a file."),
        (["nll"], "", "there is no loss 'huber'; accepted is nll."),
        (["nll"], "a file", "there is no loss 'huber'; accepted are nll, and a file."),
        (["hube"], "", "there is no loss 'huber'; accepted is hube. Did you mean hube?"),
    ],
)
def test_what_is_accepted_is_told_however_many_there_are(accepted, other, told):
    assert finding.unknown("loss", "huber", accepted, other) == told


def test_where_nothing_is_published_a_place_is_accepted(monkeypatch):
    monkeypatch.setattr(finding, "entry_points", lambda group: ())
    with pytest.raises(NotFoundError) as problem:
        find("impl:optax")
    assert str(problem.value) == (
        "there is no implementation 'optax'; accepted is package.module:name for a subject of "
        "your own."
    )


def test_an_implementation_is_found_by_its_entry_point_or_place():
    assert "torch.nn.functional" in implementations()
    with pytest.raises(NotFoundError, match=r"no implementation 'torch.nn.funktional'.*Did you"):
        find("impl:torch.nn.funktional")
    assert implementation(SOURCE).version == "7"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nowhere_at_all:subject", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        (f"{__name__}:yours", "AttributeError"),
        (f"{__name__}:NOT_A_SUBJECT", "is a dict; accepted is a subject, or a function without"),
    ],
)
def test_what_is_no_implementation_is_told(name, problem):
    with pytest.raises(NotFoundError, match=problem):
        implementation(name)


def test_an_implementation_runs_in_a_process_of_its_own_which_may_crash(monkeypatch):
    monkeypatch.chdir(ROOT)
    subject = find(f"impl:{SOURCE}")
    assert (subject.name, subject.version) == ("mine", "7")
    assert subject.run(ask(3.0)).arrays[0].tolist() == [4.0]
    with pytest.raises(Exception, match="exit status 3"):
        subject.run(ask(1000.0))
    assert subject.run(ask(3.0)).arrays[0].tolist() == [4.0]
    subject.close()
