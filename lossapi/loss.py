"""The loss object: a kernel with its derivatives, its signature and its public faces."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from . import call, reference
from .binding import CLASS_MASK
from .domain import LABELS, Domain
from .signature import SEVERAL, parse, split_core

if TYPE_CHECKING:
    import inspect

CLASS_PREDICTIONS = ("logits", "probabilities", "log_probabilities")
"""What a prediction over classes is called."""
LINEAR_PREDICTION = ("features", "weight", "labels")
"""The first inputs where a linear layer makes the logits."""

Kernel = Callable[..., Any]
Register = Callable[[Kernel], Kernel]


class Function:
    """A kernel on the Array API with declared shapes, domains and derivatives.

    Called with ``xp`` and prepared arrays, its kernels are pure mathematics; called by a user,
    the object checks and prepares the arrays and runs the kernels the way their library wants.
    """

    reduces = False

    def __init__(self, kernel: Kernel, signature: str, domains: dict[str, str]) -> None:
        code = kernel.__code__
        positional = code.co_varnames[1 : code.co_argcount]
        last = code.co_argcount + code.co_kwonlyargcount
        keywords = [n for n in code.co_varnames[code.co_argcount : last] if n != CLASS_MASK]
        self.kernel = kernel
        self.__name__ = self.__qualname__ = kernel.__name__
        self.__module__ = "lossapi"
        self.summary = (kernel.__doc__ or "").strip()
        self.signature = parse(signature)
        self.options: tuple[str, ...] = ("axis",) if self.signature.has_axis else ()
        self.class_mask = ""
        """The option that leaves classes out, if there is one; `where` leaves examples out."""
        if CLASS_MASK in (kernel.__kwdefaults__ or {}):
            self.class_mask = CLASS_MASK if self.reduces else "where"
            self.options += (self.class_mask,)
        self.inputs: tuple[str, ...] = positional
        ends = kernel.__defaults__ or ()
        self.defaults: dict[str, float] = dict(
            zip(positional[len(positional) - len(ends) :], ends, strict=True)
        )
        """The inputs that may be left out, and the number that each then is in all its entries."""
        self.parameters: dict[str, Any] = {
            name: (kernel.__kwdefaults__ or {}).get(name, ...) for name in keywords
        }
        """The parameters and their defaults; `...` for one that has to be given."""
        self.domains = {name: Domain(domains.pop(name, "[-inf, inf]")) for name in positional}
        texts = {name: domains.pop(name) for name in keywords}
        self.several = {name for name, text in texts.items() if text.endswith(SEVERAL)}
        """The parameters of which a list stands along a last axis of the prediction's own."""
        written = {name: split_core(text.removesuffix(SEVERAL)) for name, text in texts.items()}
        self.parameter_domains = {name: Domain(text) for name, (_, text) in written.items()}
        self.parameter_cores = {name: core for name, (core, _) in written.items() if core}
        """The core dimension of each parameter that is a vector."""
        chosen = {domain.switch for domain in self.domains.values()} - {None}
        if domains or not chosen <= set(keywords) or len(positional) != len(self.signature.inputs):
            raise TypeError(f"{self.__name__}: domains {domains} or signature {signature} misfit")
        by_name = dict(zip(positional, self.signature.inputs, strict=True))
        self.label = next((n for n in positional if self.domains[n].text == LABELS), "")
        """The input that holds the labels, of which `ignore_index` is one."""
        self.masks = {by_name[n][0]: n for n in positional if self.domains[n].is_mask}
        """By core dimension the input that leaves out entries along it."""
        cores = map(len, self.signature.inputs)
        self.cores: dict[str, int] = dict(zip(positional, cores, strict=True))
        """The number of core axes of each input."""
        self.gradients: dict[str, tuple[tuple[str, ...], Kernel]] = {}
        self.curvatures: dict[str, tuple[tuple[str, ...], Kernel]] = {}
        self.vjps: dict[str, tuple[tuple[str, ...], Kernel]] = {}
        self.pullback_kernel: Kernel | None = None
        """The losses, and the gradients of their weighted sum, at once: see `pullback`."""
        self.libraries: tuple[str, ...] = ()
        """The libraries whose arrays it takes; any, if there are none."""
        self.judges_values = not all(domain.is_everything for domain in self.domains.values())
        """Whether an input may hold numbers that are outside its domain."""

    # --- registration, used where a loss is written

    def _register(
        self, table: dict[str, tuple[tuple[str, ...], Kernel]], names: tuple[str, ...]
    ) -> Register:
        unknown = set(names) - set(self.inputs)
        if unknown or not names:
            raise TypeError(f"{self.__name__}: name inputs out of {self.inputs}, not {names}")

        def register(kernel: Kernel) -> Kernel:
            for name in names:
                table[name] = (names, kernel)
            return kernel

        return register

    def gradient(self, *names: str) -> Register:
        """Register the analytic gradient with respect to the named inputs."""
        return self._register(self.gradients, names)

    def curvature(self, *names: str) -> Register:
        """Register the diagonal of the Hessian with respect to the named inputs."""
        return self._register(self.curvatures, names)

    def vjp(self, *names: str) -> Register:
        """Register the vector-Jacobian product of a function with vector output."""
        return self._register(self.vjps, names)

    def pullback(self, *names: str) -> Register:
        """Register what gives the losses, and the gradients of their weighted sum, in one pass.

        It serves losses of which all examples share inputs, as the weights of a layer: a gradient
        for each example would be as many arrays of their size. The kernel is given ``wrt`` and
        ``cotangent``, the weight of each example, and gives each gradient in its input's shape.
        """

        def register(kernel: Kernel) -> Kernel:
            self.pullback_kernel = self._register(self.vjps, names)(kernel)
            return kernel

        return register

    # --- what the declaration implies

    @property
    def labelled(self) -> bool:
        """Whether an input holds integer class labels."""
        return bool(self.label)

    def left_out_by(self, name: str) -> str:
        """The mask that leaves out entries along the first core axis of an input; or none."""
        core = self.signature.inputs[self.inputs.index(name)] if name in self.inputs else ()
        mask = self.masks.get(core[0], "") if core else ""
        return mask if mask != name else ""

    @property
    def differentiable(self) -> tuple[str, ...]:
        """The inputs that have a gradient, in order; the first is what ``grad`` gives."""
        table = self.vjps or self.gradients
        return tuple(name for name in self.inputs if name in table)

    @property
    def cast(self) -> tuple[str, ...]:
        """The inputs that take the dtype of the others: targets, and what has no gradient."""
        smooth = self.differentiable
        return tuple(name for name in self.inputs if name == "target" or name not in smooth)

    @property
    def over_classes(self) -> bool:
        """Whether it judges predictions over classes against labels or their distribution."""
        first, *others = self.inputs
        return self.inputs[:3] == LINEAR_PREDICTION or (
            first in CLASS_PREDICTIONS
            and self.signature.inputs[0] == ("k",)
            and others[:1] in (["labels"], ["target"])
        )

    def is_shared(self, name: str, dimensions: int) -> bool:
        """Whether an input with so many axes is one for all examples and stays so.

        Not the first, which takes up the faults of all others, and not plain numbers.
        """
        core = self.cores.get(name, 0)
        shareable = self.pullback_kernel is not None and name != self.inputs[0]
        return shareable and 0 < core == dimensions

    # --- the faces

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The value: one number, or with reduction "none" one per example."""
        return call.run(self, "value", args, kwargs)

    def value_and_grad(self, *args: Any, **kwargs: Any) -> Any:
        """The value, and the gradient with respect to ``wrt`` (an input's name, or a tuple)."""
        return call.run(self, "value_and_grad", args, kwargs)

    def grad(self, *args: Any, **kwargs: Any) -> Any:
        """The gradient with respect to ``wrt``; with reduction "none", of the sum."""
        return call.run(self, "grad", args, kwargs)

    def hessian_diag(self, *args: Any, **kwargs: Any) -> Any:
        """The diagonal of the Hessian with respect to ``wrt``, scaled as the gradient is."""
        return call.run(self, "hessian_diag", args, kwargs)

    @property
    def spec(self) -> Any:
        """The specification: what ``spec/losses`` says of this function, as a mapping."""
        return reference.load(self)

    @property
    def __signature__(self) -> inspect.Signature:
        return reference.call_signature(self)

    __doc__ = reference.Documentation(__doc__)

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} {self.__name__!r} {self.signature.text}>"

    def __reduce__(self) -> str:
        return self.__name__


class Primitive(Function):
    """A building block of losses: the same faces, without reduction."""

    __doc__ = reference.Documentation(__doc__)


class Loss(Function):
    """A loss function: one number per example, reduced over the examples."""

    __doc__ = reference.Documentation(__doc__)
    reduces = True

    def __init__(self, kernel: Kernel, signature: str, domains: dict[str, str]) -> None:
        super().__init__(kernel, signature, domains)
        if self.labelled:
            self.options += ("ignore_index",)
        if self.over_classes:
            self.options += ("class_weights",)
        self.options += ("weights", "where", "reduction")

    def sum_and_weight(self, *args: Any, **kwargs: Any) -> Any:
        """The pair (Σwℓ, Σw), which adds up over micro-batches, shards and machines.

        Both are in the computing dtype: float64 for float64, float32 for all others.
        """
        return call.run(self, "sum_and_weight", args, kwargs)


_Kind = TypeVar("_Kind", bound=Function)
registry: dict[str, Function] = {}


def registered(function: _Kind) -> _Kind:
    """Enter a function where all are found by their names."""
    if function.__name__ in registry:
        raise TypeError(f"{function.__name__} is declared twice")
    registry[function.__name__] = function
    return function


def loss(
    signature: str, *, libraries: tuple[str, ...] = (), **domains: str
) -> Callable[[Kernel], Loss]:
    """Declare a loss: its signature, and the domain of each input and parameter."""

    def declare(kernel: Kernel) -> Loss:
        declared = registered(Loss(kernel, signature, dict(domains)))
        declared.libraries = libraries
        return declared

    return declare


def primitive(signature: str, **domains: str) -> Callable[[Kernel], Primitive]:
    """Declare a primitive, as `loss` does a loss."""

    def declare(kernel: Kernel) -> Primitive:
        return registered(Primitive(kernel, signature, dict(domains)))

    return declare
