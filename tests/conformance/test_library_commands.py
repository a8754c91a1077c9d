"""The commands that take our functions elsewhere: what they write, and mistakes as one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lossapi import cli


@pytest.fixture
def lossapi(capsys: pytest.CaptureFixture[str], monkeypatch: Any, tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def exported(lossapi: Any) -> Any:
    for name in ("ndonnx", "onnx", "onnxruntime"):
        pytest.importorskip(
            name, reason=f"{name} is not installed; install it with: pip install 'lossapi[onnx]'"
        )
    return lambda *arguments: lossapi("export", *arguments)


def test_export_writes_a_model_that_computes_the_loss(exported: Any, tmp_path: Path) -> None:
    import onnxruntime as ort

    options = ("--param", "delta=2", "--reduction", "none", "--with-gradient", "--opset", "20")
    code, out, _ = exported("huber_loss", "--onnx", "huber.onnx", *options)
    assert code == 0
    ends = "prediction[batch], target[batch] -> loss[batch], gradient_prediction[batch]"
    assert out == f"wrote huber.onnx: {ends}\n"
    session = ort.InferenceSession(str(tmp_path / "huber.onnx"))
    given = {"prediction": np.float32([1, 9]), "target": np.float32([0, 0])}
    assert [list(result) for result in session.run(None, given)] == [[0.5, 16.0], [1.0, 2.0]]


def test_export_takes_sizes_further_inputs_and_vectors(exported: Any) -> None:
    options = ("--size", "k=3", "--input", "weights", "--ignore-index", "-100", "--wrt", "logits")
    _, out, _ = exported("sparse_softmax_cross_entropy", "--onnx", "a.onnx", *options)
    ends = "logits[batch, 3], labels[batch], weights[batch] -> loss[], gradient_logits[batch, 3]"
    assert out.endswith(f"{ends}\n")
    _, out, _ = exported("one_hot", "--onnx", "b.onnx", "--param", "num_classes=4")
    assert out.endswith("labels[batch] -> value[batch, 4]\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("huber_loss",), "Missing option '--onnx'"),
        (("hubber_loss", "--onnx", "x"), "Did you mean huber_loss?"),
        (("wasserstein_distance", "--onnx", "x"), "looks at the values of its inputs"),
        (("softmax", "--onnx", "x"), "--size k=N"),
        (("softmax", "--onnx", "x", "--size", "k=three"), "accepted is a whole number"),
        (("huber_loss", "--onnx", "x", "--param", "delta"), "accepted is NAME=VALUE"),
        (("huber_loss", "--onnx", "x", "--param", "delta=a"), "accepted is a number in (0, inf)"),
        (("huber_loss", "--onnx", "x", "--param", "dleta=1"), "Did you mean delta?"),
        (("huber_loss", "--onnx", "no/such/x"), "no/such/x cannot be written"),
        (("one_hot", "--onnx", "x", "--with-gradient"), "one_hot has no gradient"),
    ],
)
def test_export_says_what_is_wrong_and_writes_nothing(
    exported: Any, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = exported(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_support_writes_a_table(lossapi: Any, tmp_path: Path) -> None:
    options = ("--loss", "huber_loss", "--jobs", "1")
    code, out, _ = lossapi("support", "numpy", *options)
    assert code == 0
    assert "| `huber_loss` | yes |" in out
    assert lossapi("support", "numpy", *options, "-o", "table.md")[1] == "wrote table.md\n"
    assert (tmp_path / "table.md").read_text("utf-8").startswith("# What works where")
    code, _, err = lossapi("support", "numpy", *options, "-o", "no/such/table.md")
    assert code == 2
    assert "cannot be written" in err
