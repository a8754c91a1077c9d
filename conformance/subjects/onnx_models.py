"""This project's functions as ONNX models, as subjects: each is exported, and run by a runtime."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np

from lossapi.binding import CLASS_MASK

from .. import reproduce
from ..backend_subject import BackendSubject, flat
from ..subject import Request, Traits, Unsupported

Run = Callable[[Mapping[str, np.ndarray[Any, Any]]], list[Any]]
"""What runs a model: results in order, of arrays by name."""

_ACCURACY_FACTOR = 1.0


def onnxruntime() -> OnnxSubject:
    """The models as ONNX Runtime runs them on a CPU."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3

    def load(model: Any) -> Run:
        text = model.SerializeToString()
        session = ort.InferenceSession(text, options, providers=["CPUExecutionProvider"])
        return lambda arrays: session.run(None, dict(arrays))

    return OnnxSubject("onnxruntime", load, _ACCURACY_FACTOR)


def onnx() -> OnnxSubject:
    """The models as the reference evaluator of ONNX runs them."""
    from onnx.reference import ReferenceEvaluator

    def load(model: Any) -> Run:
        evaluator = ReferenceEvaluator(model)

        def run(arrays: Mapping[str, np.ndarray[Any, Any]]) -> list[Any]:
            with np.errstate(all="ignore"):
                return list(evaluator.run(None, dict(arrays)))

        return run

    return OnnxSubject("onnx", load, 1)


class OnnxSubject(BackendSubject):
    """The functions as models, one for each kind of request, whose number of examples is open."""

    def __init__(self, name: str, load: Callable[[Any], Run], accuracy_factor: float) -> None:
        super().__init__("ndonnx")
        self.name = name
        self.version = version(name)
        self.traits = Traits(
            dtypes=tuple(self.backend.dtypes),
            accuracy_factor=accuracy_factor,
            compiled=(None,),
            visible=False,
        )
        self._load = load
        self._models = lru_cache(maxsize=64)(self._model)

    def exported(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of arrays as one that exports itself, for the shapes it meets, and is run."""
        from lossapi.backends.ndonnx_export import graph

        def run(*arrays: Any, **settings: Any) -> tuple[Any, ...]:
            named = {f"input_{i}": array for i, array in enumerate(arrays)}
            given = named | {k: v for k, v in settings.items() if isinstance(v, np.ndarray)}
            plain = {name: value for name, value in settings.items() if name not in given}

            def call(lazy: dict[str, Any]) -> dict[str, Any]:
                inputs = [lazy.pop(name) for name in named]
                return _named(function(*inputs, **lazy, **plain))

            kinds = {name: (array.shape, str(array.dtype)) for name, array in given.items()}
            return tuple(self._load(graph(call, kinds))(given))

        return run

    def reproduce(self, request: Request) -> str:
        """One line of Python that exports and runs the same call on NumPy's arrays."""
        line = reproduce.library_call(request, "numpy")
        function = reproduce.function_name(request)
        again = f"{self.name}().exported({function})("
        start = f"from lossapi.conformance.subjects.onnx_models import {self.name}; "
        return start + line.replace(f"{function}(", again, 1)

    def _place(self, value: np.ndarray[Any, Any], dtype: str) -> Any:
        return np.array(value, dtype=dtype, order="C")

    def _results(self, request: Request, arrays: Mapping[str, Any]) -> tuple[Any, ...]:
        if request.transform:
            raise Unsupported("a model is only run")
        question = _Question(request, arrays, self._cores(request))
        return tuple(self._models(question)(arrays))

    def _cores(self, request: Request) -> dict[str, int]:
        """How many core axes arrays have that may have one for the examples before them."""
        loss = self._losses[request.loss]
        vectors = dict.fromkeys(loss.parameter_cores, 1)
        numbers = {name: 0 for name in (*loss.parameters, "weights") if name not in vectors}
        masks = {"where": 0 if loss.reduces else 1, CLASS_MASK: 1}
        return {**loss.cores, **numbers, **masks, "cotangent": len(loss.signature.output)}

    def _read(self, array: Any) -> np.ndarray[Any, Any]:
        return np.array(array, dtype=np.float64)

    def _model(self, question: _Question) -> Run:
        from lossapi.backends.ndonnx_export import graph

        request = question.request

        def call(given: dict[str, Any]) -> dict[str, Any]:
            return _named(self._ask(request, request.plain(), given))

        with warnings.catch_warnings():
            warnings.simplefilter("error")  # such as of a cast to less digits
            return self._load(graph(call, question.arrays))


def _named(results: Any) -> dict[str, Any]:
    return {f"result_{i}": array for i, array in enumerate(flat(results))}


class _Question:
    """What a model depends on: all of a request but the values, and how many examples there are."""

    def __init__(
        self, request: Request, arrays: Mapping[str, Any], cores: Mapping[str, int]
    ) -> None:
        self.request = request
        loops = {
            name: arrays[name].shape[: arrays[name].ndim - cores[name]] for name in request.inputs
        }
        found = {loop for loop in loops.values() if loop}
        # Shapes that do not fit together are to be seen, and an axis may stand before the examples.
        loop = found.pop() if len(found) == 1 and "axis" not in request.options else ()

        def axes(name: str, array: Any) -> tuple[Any, ...]:
            shape: tuple[int, ...] = array.shape
            own = shape[: array.ndim - cores[name]] if name in cores else ()
            is_open = loop and len(own) == len(loop) and own[0] == loop[0] != 1
            is_open = is_open and 0 not in shape[1:]
            return ("batch", *shape[1:]) if is_open else shape

        self.arrays = {
            name: (axes(name, array), str(array.dtype)) for name, array in arrays.items()
        }
        plain = [(name, type(value), value) for name, value in request.plain().items()]
        self._key = repr((request.loss, request.want, request.wrt, self.arrays, plain))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Question) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)
