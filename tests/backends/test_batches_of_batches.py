"""Losses of pairs, batches, sequences and games, mapped over batches: what a loop gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lossapi.backend import get
from lossapi.conformance.checks.cases import golden_cases, grouped
from lossapi.conformance.oracle.specfile import load_spec, spec_names
from lossapi.loss import registry

FAMILIES = (
    "adversarial",
    "metric",
    "multitask",
    "ranking",
    "recommendation",
    "reinforcement",
    "sequence",
)
NAMES = [name for name in spec_names() if name in registry and load_spec(name).family in FAMILIES]
NAMES += ["batch_all_triplets", "batch_hard_triplets", "semi_hard_triplets", "center_update"]
NAMES += ["pairwise_distance", "l2_normalize"]


def batches(name: str) -> tuple[list[Any], dict[str, Any]]:
    """Ordinary golden points of one shape and their parameters, as two batches."""
    spec = load_spec(name)
    groups = [
        [case for case in group if "typical" in case.flags]
        for group in grouped(golden_cases(spec, "float32"))
    ]
    cases = max(groups, key=len)
    cases = (cases + cases)[: max(2, len(cases) // 2 * 2)]
    kinds = {n: np.int64 if e["dtype"] == "labels" else np.float32 for n, e in spec.inputs.items()}
    arrays = [np.asarray([case.inputs[n] for case in cases], kinds[n]) for n in kinds]
    split = [x.reshape(2, len(cases) // 2, *x.shape[1:]) for x in arrays]
    return split, {n: x for n, x in cases[0].parameters.items() if x is not None}


def results(name: str, parameters: dict[str, Any]) -> Any:
    function = registry[name]
    wrt = tuple(function.differentiable)

    def both(*arrays: Any) -> Any:
        value, gradients = function.value_and_grad(*arrays, wrt=wrt, **parameters)
        return (value, *gradients)

    return both


@pytest.mark.parametrize("library", ["torch", "jax"])
@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_batches_is_mapped(name: str, library: str) -> None:
    module = pytest.importorskip(library)
    arrays, parameters = batches(name)
    both = results(name, parameters)
    due = [both(*(x[i] for x in arrays)) for i in range(2)]
    mapped = module.vmap(both)
    function = module.jit(mapped) if library == "jax" else mapped
    found = function(*(get(library).asarray(x) for x in arrays))
    for i, expected in enumerate(due):
        for x, y in zip(found, expected, strict=True):
            np.testing.assert_allclose(np.asarray(x)[i], y, rtol=1e-5, atol=1e-6)
