"""The functions as ONNX models, judged as they are run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossapi
from lossapi.conformance import Request, Unsupported
from lossapi.conformance.finding import find, implementation
from lossapi.conformance.oracle.specfile import load_spec
from lossapi.conformance.result import Settings
from lossapi.conformance.runner import load_checks, run

for module in ("ndonnx", "onnx", "onnxruntime"):
    pytest.importorskip(
        module, reason=f"{module} is not installed; install it with: pip install 'lossapi[onnx]'"
    )

INPUTS = {"prediction": np.array([0.5, 3.0, -4.0]), "target": np.array([0.25, 0.5, 0.0])}


@pytest.fixture(scope="module")
def onnxruntime() -> Any:
    return implementation("onnxruntime")


@pytest.mark.parametrize("runtime", ["onnxruntime", "onnx"])
def test_a_model_conforms_on_a_runtime(runtime: str) -> None:
    subject = implementation(runtime)
    checks = load_checks(("value", "gradient", "errors"))
    specs = [load_spec("huber_loss"), load_spec("sparse_softmax_cross_entropy")]
    report = run([subject], specs, checks, ["float32"], Settings(seed=1), known={subject.name: ()})
    assert report.conforming, [f"{r.check} {r.case}: {r.message}" for r in report.bad]
    assert subject.version


def test_what_ndonnx_writes_down_is_judged_by_what_onnx_runtime_computes() -> None:
    assert find("ndonnx").name == "onnxruntime"


def test_one_model_serves_any_number_of_examples(onnxruntime: Any) -> None:
    made: list[Any] = []
    load = onnxruntime._load
    onnxruntime._load = lambda model: made.append(model) or load(model)
    try:
        for count in (3, 2, 0):
            given = {name: array[:count] for name, array in INPUTS.items()}
            request = Request("log_cosh", given, "float64", options={"reduction": "none"})
            due = lossapi.log_cosh(*given.values(), reduction="none")
            np.testing.assert_allclose(onnxruntime.run(request).arrays[0], due, rtol=1e-15)
    finally:
        onnxruntime._load = load
    assert len(made) == 1
    assert [axis.dim_param for axis in made[0].graph.input[0].type.tensor_type.shape.dim] == [
        "batch"
    ]


def test_shapes_that_do_not_fit_and_bad_parameters_are_refused(onnxruntime: Any) -> None:
    uneven = {"prediction": np.ones(3), "target": np.ones((3, 1))}
    with pytest.raises(lossapi.ShapeError):
        onnxruntime.run(Request("huber_loss", uneven, "float32"))
    with pytest.raises(lossapi.ParameterError):
        onnxruntime.run(Request("huber_loss", INPUTS, "float32", {"delta": -1.0}))
    with pytest.raises(Unsupported):
        onnxruntime.run(Request("huber_loss", INPUTS, "float32", transform="jit"))


def test_the_line_that_reproduces_a_request_runs(onnxruntime: Any) -> None:
    request = Request("huber_loss", INPUTS, "float32", {"delta": 2.0}, want="gradient")
    *statements, call = onnxruntime.reproduce(request).split("; ")
    names: dict[str, object] = {}
    exec("; ".join(statements), names)
    (gradient,) = eval(call, names)
    assert gradient.tolist() == onnxruntime.run(request).arrays[0].tolist()


def test_the_known_faults_of_onnx_runtime_are_still_there(onnxruntime: Any) -> None:
    checks = load_checks(("gradient",))
    settings = Settings(seed=1, thorough=True)
    report = run([onnxruntime], [load_spec("actor_critic_loss")], checks, ["float64"], settings)
    assert report.conforming, [*report.stale, *(r.message for r in report.bad)]
    assert report.counts["expected failure"] == 1
