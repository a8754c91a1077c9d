"""PyTorch: analytic gradients in eager mode, the plain kernel under every transform."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, Any

import array_api_compat.torch as compat
import numpy as np
import torch
from torch.autograd import forward_ad

from lossapi.backend import Backend, get, undifferentiated
from lossapi.binding import bind
from lossapi.plan import Examples

from .torch_functions import cumulative_sum, in_full, isfinite, isinf, isnan, tensordot
from .torch_native import finite, native
from .torch_transforms import TRANSFORMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossapi.backend import Step, Transform
    from lossapi.loss import Function
    from lossapi.plan import Plan, Program


class TorchBackend(Backend):
    """PyTorch tensors on any device."""

    compiled = ("compile", "compile-backward")
    kinds = (torch.Tensor, torch.nn.Parameter)

    def __init__(self) -> None:
        super().__init__("torch", compat)
        self.xp.moveaxis = torch.movedim  # the same under the name that vmap knows
        # The compatibility layer's looks its namespace up in a cache, of which Dynamo warns.
        self.xp.cumulative_sum = cumulative_sum
        self.xp.isnan, self.xp.isinf, self.xp.isfinite = isnan, isinf, isfinite
        self.xp.matmul, self.xp.tensordot = in_full(torch.matmul), in_full(tensordot)
        self.xp.addmm = in_full(torch.addmm)
        self.alone = undifferentiated(self.xp)
        """What kernels get whose derivative is not PyTorch's to find."""

    def recognises(self, kind: type) -> bool:
        """Whether a type is that of tensors."""
        return issubclass(kind, torch.Tensor)

    def device(self, array: Any) -> Any:
        """The tensor's device."""
        return array.device

    def is_visible(self, array: Any) -> bool:
        """Whether a tensor is concrete and in the host's memory."""
        return bool(array.device.type == "cpu" and not _transformed((array,)))

    @property
    def remembers(self) -> bool:  # type: ignore[override]
        """Whether calls run as they come, so that their plans are worth keeping."""
        return not torch.compiler.is_compiling()

    def signature(self, array: Any) -> Any:
        """What a plan depends on."""
        kind = type(array)
        if kind is not torch.Tensor and kind is not torch.nn.Parameter:
            return None
        return array.dtype, array.shape, array.device

    def asarray(self, value: Any, dtype: str | None = None, like: Any = None) -> Any:
        """A tensor from numbers."""
        kind = None if dtype is None else getattr(torch, dtype)
        return torch.asarray(value, dtype=kind, device=None if like is None else like.device)

    def to_numpy(self, array: Any) -> Any:
        """The tensor's values as a NumPy array (halves as float32)."""
        array = array.detach().cpu()
        if array.dtype in (torch.float16, torch.bfloat16):
            array = array.float()
        return array.numpy()

    def poisoned(self, program: Program, array: Any, poison: Any) -> Any:
        """The array with NaN: by a sum where a compiler is given the written gradient.

        That gradient is NaN itself, and the product's would store where it is as bytes.
        """
        written = program.function.gradients and not program.array_parameters
        if written and _is_only_compiled((array,)):
            return array + torch.where(isnan(poison), torch.nan, -0.0)
        return super().poisoned(program, array, poison)

    def class_index(self, array: Any) -> Any:
        """The integers 0 … K-1 along the last axis."""
        return torch.arange(array.shape[-1], device=array.device)

    def sum_by_class(self, values: Any, labels: Any, classes: int) -> Any:
        """The sum of the values by their labels, without a table of labels and classes."""
        zeros = torch.zeros((*labels.shape[:-1], classes), dtype=values.dtype, device=values.device)
        return zeros.scatter_add(-1, labels, values)

    def stop_gradient(self, array: Any) -> Any:
        """The same values, constant under differentiation."""
        return array.detach()

    def over_rows(
        self, step: Step, shared: dict[str, Any], rows: dict[str, Any], size: int
    ) -> tuple[tuple[Any, ...], list[Any]]:
        """A step on blocks of rows; on all at once where its operations are recorded."""
        tensors = (*shared.values(), *rows.values())
        if _recorded(tensors) or _transformed(tensors):
            own, products = step({**shared, **rows})
            return own, [self.plus(None, product) for product in products]
        whole: list[Any] = []
        first, done = next(iter(rows)), 0

        def written(block: dict[str, Any]) -> tuple[tuple[Any, ...], list[tuple[Any, Any]]]:
            # What stays of each block would lie where the next is to have its memory, which then
            # grows by a block every time.
            nonlocal done
            own, products = step(block)
            if not done:
                whole.extend(x.new_empty((rows[first].shape[0], *x.shape[1:])) for x in own)
            place = slice(done, done + block[first].shape[0])
            for room, part in zip(whole, own, strict=True):
                room[place] = part
            done = place.stop
            return (), products

        _, sums = super().over_rows(written, shared, rows, size)
        return tuple(whole), sums

    def affine(self, features: Any, weight: Any, bias: Any) -> Any:
        """The output of a linear layer, by one call."""
        return self.xp.addmm(bias, features, weight.mT)

    def of_each(
        self, function: Function, inputs: tuple[Any, ...], wrt: str | None, **parameters: Any
    ) -> tuple[Any, Any]:
        """The same by NumPy in the host's memory, where nothing else is to look at it."""
        if _recorded(inputs) or not _are_plain(inputs):
            return super().of_each(function, inputs, wrt, **parameters)
        arrays = tuple(_as_numpy(inputs))
        value, gradient = get("numpy").of_each(function, arrays, wrt, **parameters)
        return _as_tensors(value), None if wrt is None else _as_tensors(gradient)

    def plus(self, total: Any, product: tuple[Any, Any]) -> Any:
        """The sum over rows of outer products, added in place to a total, if there is one."""
        left, right = product
        return self.xp.matmul(left.mT, right) if total is None else total.addmm_(left.mT, right)

    def execute(self, plan: Plan, arrays: dict[str, Any]) -> Any:
        """Run a whole call: by NumPy in the host's memory, where nothing else is to look at it."""
        if plan.program.function.pullback_kernel:
            return self._pulled_back(plan, arrays)
        tensors = tuple(arrays.values())
        if _are_plain(tensors):
            wanted = _wanted(tensors)
            if plan.prepared is None:
                plan.prepared = {"native": native(plan, arrays)}
            result = finite(plan.prepared["native"], tensors)
            if result is not None:
                return result
            if wanted not in plan.prepared:
                names = tuple(compress(arrays, wanted))
                plan.prepared[wanted] = self._on_host(plan, names, arrays)
            on_host = plan.prepared[wanted]
            if on_host is not None:
                return on_host(_as_numpy(tensors), tensors)
        return plan(self, arrays)

    def direct(
        self, plan: Plan, arrays: dict[str, Any], looks: list[tuple[int, Callable[[Any], bool]]]
    ) -> Callable[..., Any] | None:
        """What `execute` found, after the looks, while nobody listens."""
        if not isinstance(plan.prepared, dict):
            return None
        prepared, own = plan.prepared, plan.prepared["native"]

        def call(*tensors: Any) -> Any:
            if _is_watched():
                return None
            result = finite(own, tensors)
            if result is not None:
                return result
            on_host = prepared.get(_wanted(tensors))
            if on_host is None:
                return None
            given = _as_numpy(tensors)
            for place, holds in looks:
                if not holds(given[place]):
                    return None
            return on_host(given, tensors)

        return call

    def _pulled_back(self, plan: Plan, arrays: dict[str, Any]) -> Any:
        """A call of a loss that gives its gradients together with its value."""
        smooth = plan.program.function.differentiable
        tensors = tuple(arrays.values())
        by_hand = plan.mode in ("value", "sum_and_weight") and _recorded(tensors)
        others = (x for name, x in arrays.items() if name not in smooth)
        if not by_hand or _transformed(tensors) or _recorded(tuple(others)):
            return plan(self, arrays)
        if plan.mode == "value":
            return _PulledBack.apply(self, plan, tuple(arrays), *tensors)  # type: ignore[no-untyped-call]
        total = plan.changed(mode="value", reduction="sum", result=plan.compute)
        return self.execute(total, arrays), Examples(plan, self, arrays).weight()

    def _on_host(
        self, plan: Plan, wanted: tuple[str, ...], arrays: dict[str, Any]
    ) -> _HostCall | None:
        """The call and the gradients that autograd wants as a program on NumPy's arrays."""
        if wanted and not self._are_analytic(plan, wanted, arrays):
            return None
        mode = "value_and_grad" if wanted else plan.mode
        host: Any = get("numpy")
        given = dict(zip(arrays, _as_numpy(arrays.values()), strict=True))
        run = host.blockwise(plan.changed(mode=mode, wrt=wanted or plan.wrt), given)
        return None if run is None else _HostCall(self, plan, run, tuple(arrays), wanted)

    def _are_analytic(self, plan: Plan, wanted: tuple[str, ...], arrays: dict[str, Any]) -> bool:
        """Whether the gradients by these inputs are known, and are those of each example."""
        function = plan.program.function
        if plan.mode != "value" or any(name not in function.gradients for name in wanted):
            return False
        if plan.reduction != "none":
            return True
        # Of an input that serves several examples there is only the gradient of the sum.
        dimensions = [len(plan.loop) + function.cores[name] for name in wanted]
        single = [arrays[n].ndim == due for n, due in zip(wanted, dimensions, strict=True)]
        return all(single) and plan.axis == -1

    def apply(self, program: Program, arrays: tuple[Any, ...]) -> Any:
        """Run a kernel with its analytic gradient, or plainly where a transform looks inside."""
        function = program.function
        parameters = arrays[len(function.inputs) :]
        looked_into = _transformed(arrays)
        if not (looked_into or torch.is_grad_enabled()):
            return program.value(self.alone, arrays)
        by_hand = function.gradients and (not looked_into or _is_only_compiled(arrays))
        if not by_hand or any(x.requires_grad for x in parameters):
            return program.value(self.xp, self.held(function, arrays))
        return _Analytic.apply(self, program, *arrays)  # type: ignore[no-untyped-call]

    def transforms(self) -> dict[str, Transform]:
        """What PyTorch does to functions."""
        return TRANSFORMS


def _recorded(tensors: tuple[Any, ...]) -> bool:
    """Whether PyTorch records what is done to the tensors, to differentiate it."""
    return torch.is_grad_enabled() and any(x.requires_grad for x in tensors)


def _transformed(tensors: Any) -> bool:
    """Whether something other than plain eager execution will see these operations."""
    return _is_transforming() or any(type(x) not in TorchBackend.kinds for x in tensors)


def _is_transforming() -> bool:
    """Whether what is done to tensors is recorded or changed by a transform, whatever they are."""
    return (
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
    )


def _is_only_compiled(tensors: tuple[Any, ...]) -> bool:
    """Whether a compiler records what is done to tensors with a gradient, and nothing else does."""
    # Derived from the kernel, the backward pass would be given the mask of each selection as bytes.
    return (
        torch.compiler.is_compiling()
        and _recorded(tensors)
        and not torch._C._are_functorch_transforms_active()
        and forward_ad._current_level < 0
    )


def _is_watched() -> bool:
    """Whether anything but a compiler sees what is done to tensors, whatever they are."""
    return bool(
        torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
        or torch._C._is_tracing()
        or torch._C._len_torch_dispatch_stack()
    )


def _wanted(tensors: tuple[Any, ...]) -> tuple[bool, ...]:
    """Of which tensors autograd wants gradients."""
    graded = torch.is_grad_enabled()
    return tuple([graded and x.requires_grad for x in tensors])


def _are_plain(tensors: Any) -> bool:
    """Whether these are tensors in the host's memory that NumPy can share, and nobody listens."""
    if torch.compiler.is_compiling() or _is_watched():
        return False
    for x in tensors:  # each call asks this of each tensor, and a generator takes as long again
        if type(x) not in TorchBackend.kinds or not x.is_cpu or x.is_neg():
            return False
        if x.dtype == torch.bfloat16:
            return False
    return True


def _as_numpy(tensors: Any) -> list[Any]:
    return [x.numpy(force=True) for x in tensors]


def _as_tensors(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple([_as_tensors(x) for x in result])
    return torch.from_numpy(result if isinstance(result, np.ndarray) else np.asarray(result))


class _HostCall:
    """A call, and the gradients that are wanted with it, as a program on NumPy's arrays."""

    __slots__ = ("_backend", "_names", "_run", "cores", "none", "places", "plan")

    def __init__(
        self,
        backend: TorchBackend,
        plan: Plan,
        run: Callable[..., Any],
        names: tuple[str, ...],
        wanted: tuple[str, ...],
    ) -> None:
        self._backend, self.plan, self._run, self._names = backend, plan, run, names
        self.places = [names.index(name) for name in wanted]
        """Which tensors gradients are wanted of."""
        self.cores = [plan.program.function.cores.get(name, 0) for name in wanted]
        self.none = [None] * (len(names) + 2)
        """No gradient by the call itself, nor by what it gave, nor by any tensor."""

    def __call__(self, arrays: list[Any], tensors: tuple[Any, ...]) -> Any:
        """The results as tensors, from NumPy's arrays in the memory of these."""
        results = self._run(*arrays)
        return _OnHost.apply(self, results, *tensors) if self.places else _as_tensors(results)

    def gradients(self, tensors: tuple[Any, ...]) -> tuple[Any, ...]:
        """The gradients once more, as NumPy's arrays."""
        found: tuple[Any, ...] = self._run(*_as_numpy(tensors))[1]
        return found

    def as_recorded(self, tensors: tuple[Any, ...]) -> Any:
        """The value by operations that PyTorch sees."""
        return self.plan(self._backend, dict(zip(self._names, tensors, strict=True)))


# Without a look for transforms at every call, of which there is none where tensors are plain.
_Function = getattr(torch.autograd.function, "_SingleLevelFunction", torch.autograd.Function)


class _OnHost(_Function):  # type: ignore[misc,valid-type]
    """A call whose value and gradients NumPy computes together, on the memory of the tensors."""

    @staticmethod
    def forward(ctx: Any, call: _HostCall, results: Any, *tensors: Any) -> Any:
        value, ctx.gradients = results
        ctx.call = call
        ctx.save_for_backward(*tensors)
        return _as_tensors(value)

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        call, tensors = ctx.call, ctx.saved_tensors
        if torch.is_grad_enabled():  # these are to be differentiated in their turn
            wanted = [tensors[place] for place in call.places]
            value = call.as_recorded(tensors)
            gradients = torch.autograd.grad(value, wanted, cotangent, create_graph=True)
        else:
            known, ctx.gradients = ctx.gradients, None  # theirs who asks first
            gradients = _as_tensors(known or call.gradients(tensors))
            _scale(gradients, cotangent, call.cores)
        found = list(call.none)
        for place, gradient in zip(call.places, gradients, strict=True):
            found[place + 2] = gradient
        return tuple(found)


def _scale(gradients: tuple[Any, ...], cotangent: Any, cores: list[int]) -> None:
    """Multiply gradients, in their memory, by what comes from above."""
    if cotangent.ndim:
        for gradient, core in zip(gradients, cores, strict=True):
            gradient.mul_(cotangent[(..., *(None,) * core)])
    elif (factor := cotangent.item()) != 1.0:
        for gradient in gradients:
            gradient.mul_(factor)


class _Analytic(torch.autograd.Function):
    """A kernel whose backward is the analytic gradient, itself differentiable."""

    @staticmethod
    def forward(ctx: Any, backend: TorchBackend, program: Program, *arrays: Any) -> Any:
        ctx.backend, ctx.program = backend, program
        ctx.save_for_backward(*arrays)
        return program.value(backend.alone, arrays)

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        function = ctx.program.function
        # Without gradients, as it is always traced when compiled, it is not differentiated again.
        xp = ctx.backend.xp if torch.is_grad_enabled() else ctx.backend.alone
        arrays = ctx.backend.held(function, ctx.saved_tensors)
        needs = zip(function.inputs, ctx.needs_input_grad[2:], strict=False)
        needed = tuple(name for name, need in needs if need)
        known = tuple(name for name in needed if name in function.gradients)
        found = dict(zip(known, ctx.program.gradients(xp, known, arrays), strict=True))
        gradients: list[Any] = [None] * len(arrays)
        for place, name in enumerate(function.inputs):
            if name in found:
                weight = cotangent[(..., *(None,) * function.cores[name])]
                gradients[place] = (found[name] * weight).sum_to_size(arrays[place].shape)
            elif name in needed:
                gradients[place] = torch.zeros_like(arrays[place])
        return (None, None, *gradients)


class _PulledBack(torch.autograd.Function):
    """A call whose gradients are computed together with its value, if that is one number."""

    @staticmethod
    def forward(ctx: Any, backend: TorchBackend, plan: Plan, names: Any, *tensors: Any) -> Any:
        needed = zip(names, ctx.needs_input_grad[3:], strict=True)
        ctx.backend, ctx.plan, ctx.names = backend, plan, names
        ctx.wrt = tuple(name for name, need in needed if need)
        ctx.save_for_backward(*tensors)
        ctx.gradients = None
        arrays = dict(zip(names, tensors, strict=True))
        if plan.reduction == "none":
            return plan(backend, arrays)
        value, ctx.gradients = plan.for_gradients(*ctx.wrt)(backend, arrays)
        return value

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        arrays = dict(zip(ctx.names, ctx.saved_tensors, strict=True))
        # They are given away, and computed again if a second pass asks for them.
        known, ctx.gradients = ctx.gradients, None
        if torch.is_grad_enabled():
            leaves = [arrays[name] for name in ctx.wrt]
            value = ctx.plan(ctx.backend, arrays)
            found = list(torch.autograd.grad(value, leaves, cotangent, create_graph=True))
        else:
            found = _pulled_back(ctx, arrays, known, cotangent)
        by_name = dict(zip(ctx.wrt, found, strict=True))
        return (None, None, None, *map(by_name.get, ctx.names))


def _pulled_back(ctx: Any, arrays: dict[str, Any], known: Any, cotangent: Any) -> list[Any]:
    """The gradients, rounded to half formats only now, as a scaled loss is to keep its digits."""
    plan = ctx.plan.for_gradients(*ctx.wrt).changed(mode="grad")
    cotangent = cotangent.to(getattr(torch, plan.compute))
    if plan.reduction == "none":
        weights = arrays.get("weights")
        arrays["weights"] = cotangent if weights is None else cotangent * weights
        return [
            gradient.to(arrays[name].dtype)
            for name, gradient in zip(
                ctx.wrt, plan.changed(reduction="sum")(ctx.backend, arrays), strict=True
            )
        ]
    return [
        gradient.mul_(cotangent).to(arrays[name].dtype)
        for name, gradient in zip(ctx.wrt, known or plan(ctx.backend, arrays), strict=True)
    ]


class Module(torch.nn.Module):
    """A loss with its parameters and options: ``Module(lossapi.huber_loss, delta=2.0)``.

    Calling it passes the tensors, and further options such as ``weights``, on to the loss. Options
    that are tensors (``class_weights``) become buffers and move with the module.
    """

    def __init__(self, loss: Function, **options: Any) -> None:
        super().__init__()
        bind(loss, "value", (0.0,) * len(loss.inputs), options)  # a wrong option is refused now
        self.loss = loss
        self.options = {k: v for k, v in options.items() if not isinstance(v, torch.Tensor)}
        self.tensors = [name for name in options if name not in self.options]
        for name in self.tensors:
            self.register_buffer(name, options[name])

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """The loss of these inputs."""
        own = {name: getattr(self, name) for name in self.tensors}
        return self.loss(*inputs, **{**self.options, **own, **options})

    def extra_repr(self) -> str:
        """The loss and what was fixed."""
        fixed = [f"{name}={value!r}" for name, value in self.options.items()]
        return ", ".join([self.loss.__name__, *fixed, *self.tensors])
