"""What a call computes, once it is checked: a pure function of arrays.

A plan knows nothing of libraries beyond the namespace it is given, looks at no value, and can
be hashed, so that a backend may trace, compile or block it as a whole.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .axes import core_back, core_last, over_examples, trail
from .binding import CLASS_MASK
from .domain import LABELS, Below
from .entries import both, kept_entries
from .errors import DTypeError

if TYPE_CHECKING:
    from .backend import Backend
    from .domain import Domain
    from .loss import Function
    from .signature import Shape
    from .validation import Axis

Arrays = dict[str, Any]


class Program:
    """A kernel and its derivatives with their parameters fixed."""

    __slots__ = ("array_parameters", "checked", "function", "key", "parameters")

    def __init__(
        self,
        function: Function,
        parameters: dict[str, float | bool | None],
        array_parameters: tuple[str, ...],
        checked: tuple[str, ...] = (),
    ) -> None:
        self.function = function
        self.parameters = parameters
        self.array_parameters = array_parameters
        self.checked = checked  # array parameters that are known to lie in their domain
        self.key = (function, tuple(parameters.items()), array_parameters, checked)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Program) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def _split(self, arrays: tuple[Any, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The inputs, and all parameters, out of the arrays and the fixed numbers."""
        count = len(self.function.inputs)
        given = dict(zip(self.array_parameters, arrays[count:], strict=True))
        return arrays[:count], {**self.parameters, **given}

    def value(self, xp: Any, arrays: tuple[Any, ...]) -> Any:
        """The function's value, per example."""
        inputs, parameters = self._split(arrays)
        return self.function.kernel(xp, *inputs, **parameters)

    def gradients(self, xp: Any, wrt: tuple[str, ...], arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        """The gradient of each example's value with respect to each named input."""
        return self._derivatives(self.function.gradients, xp, wrt, arrays)

    def curvatures(self, xp: Any, wrt: tuple[str, ...], arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        """The diagonal of the Hessian with respect to each named input."""
        return self._derivatives(self.function.curvatures, xp, wrt, arrays)

    def vjps(
        self, xp: Any, wrt: tuple[str, ...], cotangent: Any, arrays: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """The gradient of Σ cotangent · value with respect to each named input."""
        return self._derivatives(self.function.vjps, xp, wrt, arrays, cotangent)

    def pullback(
        self, xp: Any, wrt: tuple[str, ...], cotangent: Any, arrays: tuple[Any, ...]
    ) -> tuple[Any, tuple[Any, ...]]:
        """The losses, and the gradients of Σ cotangent · loss, each in the shape of its input."""
        kernel = self.function.pullback_kernel
        assert kernel is not None
        inputs, parameters = self._split(arrays)
        losses, gradients = kernel(xp, wrt, cotangent, *inputs, **parameters)
        return losses, gradients

    def _derivatives(
        self, table: Any, xp: Any, wrt: tuple[str, ...], arrays: tuple[Any, ...], *leading: Any
    ) -> tuple[Any, ...]:
        inputs, parameters = self._split(arrays)
        found: dict[str, Any] = {}
        for name in wrt:
            if name not in found:
                names, kernel = table[name]
                results = kernel(xp, *leading, *inputs, **parameters)
                found.update(zip(names, results if len(names) > 1 else (results,), strict=True))
        return tuple(found[name] for name in wrt)


class Plan:
    """One checked call: the program, the shapes and dtypes, and what to make of the result."""

    __slots__ = (
        "axis",
        "classes",
        "compute",
        "dtypes",
        "ignore_index",
        "key",
        "loop",
        "mode",
        "output",
        "prepared",
        "program",
        "reduction",
        "result",
        "stretched",
        "wrt",
    )

    def __init__(
        self,
        program: Program,
        mode: str,
        reduction: str,
        wrt: tuple[str, ...],
        axis: Axis,
        ignore_index: int | None,
        loop: Shape,
        classes: int,
        output: Shape,
        stretched: tuple[str, ...],
        dtypes: tuple[str, ...],
        result: str,
    ) -> None:
        self.program, self.mode, self.reduction, self.wrt = program, mode, reduction, wrt
        self.axis, self.ignore_index, self.loop = axis, ignore_index, loop
        self.classes = classes  # how many a label may name
        self.output = output  # the shape of the result of each example, examples first
        self.stretched = stretched  # inputs that served several entries along the last axis
        self.dtypes, self.result = dtypes, result
        self.prepared: Any = None  # what a backend keeps for further calls of this plan
        self.compute = "float64" if result == "float64" else "float32"
        self.key = (
            *(program.key, mode, reduction, wrt, axis, ignore_index),
            *(loop, classes, output, stretched, dtypes, result),
        )

    def changed(self, **settings: Any) -> Plan:
        """The same call with other settings."""
        given = {name: getattr(self, name) for name in _GIVEN}
        return Plan(**{**given, **settings})

    def for_gradients(self, *wrt: str) -> Plan:
        """The value of this call together with gradients that no half format has rounded yet."""
        dtypes = tuple(self.compute if "float" in dtype else dtype for dtype in self.dtypes)
        return self.changed(mode="value_and_grad", wrt=wrt, dtypes=dtypes)

    def with_numbers_as_arrays(self) -> tuple[Plan, Arrays]:
        """The same call with its numbers among the arrays, but for those that are defaults."""
        given, defaults = self.program.parameters, self.program.function.parameters
        numbers = {
            name: value
            for name, value in given.items()
            if value is not None and not isinstance(value, bool) and value != defaults[name]
        }
        fixed = {name: value for name, value in given.items() if name not in numbers}
        program = Program(
            self.program.function,
            fixed,
            (*self.program.array_parameters, *numbers),
            checked=tuple(numbers),
        )
        return self.changed(program=program), numbers

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plan) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __call__(self, backend: Backend, arrays: Arrays) -> Any:
        """Prepare, run, reduce."""
        examples = Examples(self, backend, arrays)
        if self.mode == "value":
            return self._cast(backend, examples.reduce(examples.losses()), arrays)
        if self.mode == "sum_and_weight":
            # In the computing dtype: a float16 would end at 65504, and these are to be added up.
            return examples.total(examples.losses()), examples.weight()
        if self.program.function.pullback_kernel is not None:
            losses, found = examples.pulled_back()
        else:
            losses, found = None, examples.derivatives(arrays)
        gradients = tuple(
            self._finish(backend, examples, name, array, tuple(arrays[name].shape))
            for name, array in zip(self.wrt, found, strict=True)
        )
        if self.mode == "value_and_grad":
            losses = examples.losses() if losses is None else losses
            return self._cast(backend, examples.reduce(losses), arrays), gradients
        return gradients

    def _cast(self, backend: Backend, array: Any, arrays: Arrays) -> Any:
        signature = self.program.function.signature
        if signature.output and signature.has_axis:
            first = tuple(arrays[self.program.function.inputs[0]].shape)
            array = core_back(backend.xp, array, self.axis, first)
        return _astype(backend, array, self.result)

    def _finish(
        self, backend: Backend, examples: Examples, name: str, gradient: Any, shape: Shape
    ) -> Any:
        """A gradient in the shape, axis order and dtype of the input it belongs to."""
        function = self.program.function
        place = function.inputs.index(name)
        if examples.dimensions[name] < gradient.ndim:
            gradient = over_examples(backend, gradient, function.cores[name])
        if function.signature.inputs[place] and function.signature.has_axis:
            gradient = core_back(backend.xp, gradient, self.axis, shape)
        if name in self.stretched:
            gradient = backend.xp.sum(gradient, axis=-1)
        dtype = self.dtypes[place]
        return _astype(backend, gradient, dtype if "float" in dtype else self.result)


_GIVEN = tuple(name for name in Plan.__slots__ if name not in ("compute", "key", "prepared"))
"""What a plan is made from."""


class Examples:
    """The examples of one call: harmless inputs, masks and weights."""

    def __init__(self, plan: Plan, backend: Backend, arrays: Arrays) -> None:
        self.plan, self.backend, self.xp = plan, backend, backend.xp
        function = plan.program.function
        self._compute = backend.dtypes[plan.compute]
        vectors = {name: len(core) for name, core in function.parameter_cores.items()}
        self._cores = {**function.cores, **vectors, CLASS_MASK: 1}
        names = (*function.inputs, *plan.program.array_parameters)
        raw = {name: self._shaped(name, arrays[name]) for name in names}
        self._class_mask = raw.get(CLASS_MASK)
        raw = {name: self._of_kept_classes(name, array) for name, array in raw.items()}
        self._classes = plan.classes
        self.dimensions = {name: array.ndim for name, array in raw.items()}
        raw = kept_entries(self.xp, function, raw, plan.ignore_index, self._fill)
        weights = self._given_weights(raw, arrays)
        self.mask = self._mask(raw, arrays, weights)
        self.weights = self._masked_weights(weights)
        unmasked = {name: self._harmless(name, array) for name, array in raw.items()}
        self._late: tuple[Any, Any] | None = None
        """Where results are valid, and what they are multiplied by, if that is to come last."""
        self.inputs = tuple(self._poisoned(unmasked).values())

    # --- prepare

    def _shaped(self, name: str, array: Any) -> Any:
        """The input with its core axis last, in the computing dtype."""
        function = self.plan.program.function
        if name == CLASS_MASK:
            return core_last(self.xp, array, self.plan.axis) if array.ndim > 1 else array
        if function.cores.get(name) and function.signature.has_axis:
            array = core_last(self.xp, array, self.plan.axis)
        if self._domain(name).text == LABELS:
            return self.xp.astype(array, self.backend.index_dtype)
        if name in self.plan.program.checked:  # a number keeps its digits until it meets arrays
            return array
        return _astype(self.backend, array, self.plan.compute)

    def _of_kept_classes(self, name: str, array: Any) -> Any:
        """The input with 0 for the classes that are left out, whatever stands there."""
        mask = self._class_mask
        if mask is None or name == CLASS_MASK or not self._cores.get(name):
            return array
        return self.xp.where(mask, array, 0)

    def _fill(self, name: str) -> Any:
        """A number inside the domain of an input."""
        domain = self._domain(name)
        return 0 if domain.text == LABELS else domain.harmless

    def _domain(self, name: str) -> Domain:
        function = self.plan.program.function
        domain = function.domains.get(name) or function.parameter_domains[name]
        return domain.under(self.plan.program.parameters)

    def _given_weights(self, raw: Arrays, arrays: Arrays) -> Any:
        """The weight of each example as given, those of its classes included; None for 1."""
        xp, weights = self.xp, arrays.get("weights")
        if weights is not None:
            weights = _astype(self.backend, weights, self.plan.compute)
        if arrays.get("class_weights") is None:
            return weights
        by_class = _astype(self.backend, arrays["class_weights"], self.plan.compute)
        function = self.plan.program.function
        target = raw[function.label if self._classes else function.inputs[1]]
        if self._classes:
            inside = (target >= 0) & (target < self._classes)
            labels = xp.reshape(xp.where(inside, target, 0), (-1,))
            of_example = xp.reshape(xp.take(by_class, labels, axis=0), target.shape)
        else:
            of_example = xp.sum(target * by_class, axis=-1)
        return of_example if weights is None else weights * of_example

    def _mask(self, raw: Arrays, arrays: Arrays, weights: Any) -> Any:
        """Where an example counts; None where all do."""
        mask = arrays.get("where")
        if weights is not None:
            mask = both(mask, weights != 0)
        label = self.plan.program.function.label
        if self.plan.ignore_index is not None and not self._cores[label]:
            mask = both(mask, raw[label] != self.plan.ignore_index)
        return mask

    def _masked_weights(self, weights: Any) -> Any:
        if self.mask is None:
            return weights
        if weights is None:
            return _astype(self.backend, self.mask, self.plan.compute)
        return self.xp.where(self.mask, weights, 0.0)

    def _harmless(self, name: str, array: Any) -> Any:
        """The input with a value inside its domain wherever its example is masked."""
        if self.mask is None or self._is_of_all(name, array):
            return array
        fill = self._fill(name)
        if self._domain(name).is_increasing:
            fill = self.xp.astype(self.xp.class_index(array), array.dtype)
        return self.xp.where(trail(self.mask, self._cores.get(name, 0)), array, fill)

    def _poisoned(self, inputs: Arrays) -> Arrays:
        """The inputs with NaN for every example that lies outside the domain."""
        xp, valid = self.xp, self._valid(inputs)
        if valid is None:
            return inputs
        # A subnormal half is an ordinary number once it is cast: the product keeps it from kernels.
        late = self.backend.poisons_results and self.plan.result == self.plan.compute
        late = late and self.plan.program.function.pullback_kernel is None
        poison = xp.where(valid, xp.ones_like(valid, dtype=self._compute), math.nan)
        if late:
            self._late = valid, poison

        def poisoned(name: str, array: Any) -> Any:
            if self._is_of_all(name, array):
                return array
            if self._domain(name).text == LABELS:
                return xp.where(trail(valid, self._cores[name]), array, 0)
            if late:  # in the shape that the product would have
                core = self._cores.get(name, 0)
                return xp.broadcast_to(array, (*self.plan.loop, *array.shape[array.ndim - core :]))
            poisons = trail(poison, self._cores.get(name, 0))
            return self.backend.poisoned(self.plan.program, array, poisons)

        return {name: poisoned(name, array) for name, array in inputs.items()}

    def _is_of_all(self, name: str, array: Any) -> bool:
        """Whether all examples share an array, which then has no fault of one of them."""
        apart = CLASS_MASK, *self.plan.program.checked
        return name in apart or self.plan.program.function.is_shared(name, array.ndim)

    def _nan_elsewhere(self, results: Any, core: int) -> Any:
        """The results, or NaN for every example that is known not to be valid."""
        if self._late is None:
            return results
        # The product for its derivative; the selection, since XLA makes a last product a pass of
        # its own.
        valid, poison = (trail(x, core) for x in self._late)
        return self.xp.where(valid, results, results * poison)

    def _valid(self, inputs: Arrays) -> Any:
        """Where every input lies in its domain; None where nothing can lie outside."""
        looks: dict[tuple[int, Shape], list[tuple[Any, Any]]] = {}
        for name, array in inputs.items():
            if name == CLASS_MASK or name in self.plan.program.checked:
                continue
            domain = self._domain(name)
            if domain.is_everything:
                continue
            own = Below(self._classes) if domain.text == LABELS else domain
            # Vectors of one shape are looked through together.
            kind = self._cores.get(name, 0), tuple(array.shape)
            looks.setdefault(kind, []).append((own, array))
        found = None
        for (cores, _), members in looks.items():
            domains, arrays = zip(*members, strict=True)
            found = both(found, self.backend.inside(domains, arrays, cores))
        return found

    # --- run

    def losses(self) -> Any:
        """The loss of each example before weighting: NaN outside the domain, 0 where masked."""
        losses = self.backend.apply(self.plan.program, self.inputs)
        losses = self._nan_elsewhere(losses, len(self.plan.program.function.signature.output))
        return self._kept(losses)

    def _kept(self, losses: Any) -> Any:
        return losses if self.mask is None else self.xp.where(self.mask, losses, 0.0)

    def derivatives(self, arrays: Arrays) -> tuple[Any, ...]:
        """The gradients (or curvatures) of the reduced loss, in the shape of the examples."""
        plan, xp, program = self.plan, self.xp, self.plan.program
        if plan.mode == "hessian_diag":
            found = program.curvatures(xp, plan.wrt, self.inputs)
        elif program.function.vjps:
            found = program.vjps(xp, plan.wrt, self._cotangent(arrays), self.inputs)
        else:
            found = self.backend.gradients(program, plan.wrt, self.inputs)
        factor = self.weights
        if not program.function.reduces and not program.function.vjps:
            factor = arrays.get("cotangent")
        divisor = self._divisor() if plan.reduction == "mean" else None
        return tuple(
            self._derivative(name, gradient, factor, divisor)
            for name, gradient in zip(plan.wrt, found, strict=True)
        )

    def pulled_back(self) -> tuple[Any, tuple[Any, ...]]:
        """The losses, and the gradients of the reduced loss in the shapes of the inputs."""
        plan, xp = self.plan, self.xp
        weights = self.weights
        if weights is None:
            device = self.backend.device(self.inputs[0])
            weights = xp.ones((), dtype=self._compute, device=device)
        if plan.reduction == "mean":
            weights = weights / self._divisor()
        weights = xp.broadcast_to(weights, plan.loop)
        losses, found = plan.program.pullback(xp, plan.wrt, weights, self.inputs)
        pairs = zip(plan.wrt, found, strict=True)
        return self._kept(losses), tuple(self._unmasked(name, slope) for name, slope in pairs)

    def _unmasked(self, name: str, gradient: Any) -> Any:
        """A gradient with exactly 0 for masked examples; as it is where examples share it."""
        if self.mask is None or self._is_of_all(name, gradient):
            return gradient
        return self.xp.where(trail(self.mask, self._cores[name]), gradient, 0.0)

    def _cotangent(self, arrays: Arrays) -> Any:
        cotangent = arrays.get("cotangent")
        if cotangent is None:
            device = self.backend.device(self.inputs[0])
            return self.xp.ones(self.plan.output, dtype=self._compute, device=device)
        if self.plan.program.function.signature.has_axis:
            cotangent = core_last(self.xp, cotangent, self.plan.axis)
        return _astype(self.backend, cotangent, self.plan.compute)

    def _derivative(self, name: str, gradient: Any, factor: Any, divisor: Any) -> Any:
        core = self._cores[name]
        place = self.plan.program.function.inputs.index(name)
        own = self.inputs[place].shape
        shape = (*self.plan.loop, *own[len(own) - core :])
        gradient = self._nan_elsewhere(gradient, core)
        if tuple(gradient.shape) != shape:
            gradient = self.xp.broadcast_to(gradient, shape)
        if factor is not None:
            gradient = gradient * trail(_astype(self.backend, factor, self.plan.compute), core)
        if divisor is not None:
            gradient = gradient / divisor
        if self.mask is not None:
            gradient = self.xp.where(trail(self.mask, core), gradient, 0.0)
        return gradient

    # --- reduce

    def reduce(self, losses: Any) -> Any:
        """The losses weighted and reduced as the call asks."""
        if self.plan.reduction == "none":
            return self._weighted(losses)
        total = self.total(losses)
        return total / self._divisor() if self.plan.reduction == "mean" else total

    def total(self, losses: Any) -> Any:
        """Σwℓ."""
        return self.backend.sum(self._weighted(losses))

    def weight(self) -> Any:
        """Σw."""
        if self.weights is None:
            count = self.backend.count(self.plan.loop)
            return self.backend.asarray(count, self.plan.compute, like=self.inputs[0])
        return self.backend.sum(self.xp.broadcast_to(self.weights, self.plan.loop))

    def _divisor(self) -> Any:
        """Σw, or 1 over nothing: the mean over nothing is 0 by selection, not by an epsilon."""
        if self.weights is None:
            return self.backend.count(self.plan.loop, least=1)
        weight = self.weight()
        return self.xp.where(weight > 0, weight, 1.0)

    def _weighted(self, losses: Any) -> Any:
        if tuple(losses.shape) != self.plan.loop and self.plan.program.function.reduces:
            losses = self.xp.broadcast_to(losses, self.plan.loop)
        return losses if self.weights is None else losses * self.weights


def _astype(backend: Backend, array: Any, dtype: str) -> Any:
    if backend.dtype_name(array) == dtype:
        return array
    if dtype not in backend.dtypes:
        raise DTypeError(f"{backend.name} has no dtype {dtype}")
    return backend.xp.astype(array, backend.dtypes[dtype])
