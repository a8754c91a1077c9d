"""How each array library runs a contender, ours or a peer's: arrays in, NumPy arrays out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

import lossapi

from . import memory
from .cases import CASES
from .contender import Contender, Function, in_steps

Timed = Callable[[], Any]


class NumpyLibrary:
    """NumPy arrays; gradients are written out by whoever gives any."""

    large = 10**6
    """The number of entries from which memory is measured."""

    def context(self, dtype: str) -> AbstractContextManager[Any]:
        """In what a dtype can be used."""
        return nullcontext()

    def arrays(self, inputs: tuple[Any, ...], wrt: tuple[int, ...]) -> tuple[Any, ...]:
        """The inputs as arrays of this library."""
        return inputs

    def ours(self, loss: str) -> Any:
        """Our loss, as a contender."""
        function, wrt = getattr(lossapi, loss), CASES[loss].wrt
        named = {"wrt": wrt} if len(wrt) > 1 else {}
        return Contender(function, partial(function.value_and_grad, **named))

    def peer(self, module: ModuleType, loss: str) -> Any:
        """A peer's loss, as a contender; None if it has none."""
        found = getattr(module, loss, None)
        return found if found is None or isinstance(found, Contender) else in_steps(found)

    def timed(
        self, contender: Any, mode: str, arrays: tuple[Any, ...], wrt: tuple[int, ...], **given: Any
    ) -> Timed | None:
        """The call that is timed; None if the contender cannot do it."""
        function = getattr(contender, mode)
        return None if function is None else partial(function, *arrays, **given)

    def to_numpy(self, result: Any) -> tuple[Any, ...]:
        """The value and the gradients as NumPy arrays."""
        return tuple(np.asarray(array) for array in _flat(result))

    def extra_memory(self, call: Timed) -> int | None:
        """Bytes held at most during a call, beyond its results."""
        return memory.traced(call)


class TorchLibrary(NumpyLibrary):
    """Tensors on the CPU, in eager mode; gradients by backward."""

    large = 10**7  # Below 32 MiB the allocator keeps what is freed, and the kernel sees nothing.

    def arrays(self, inputs: tuple[Any, ...], wrt: tuple[int, ...]) -> tuple[Any, ...]:
        """Tensors, of which those in `wrt` require gradients."""
        import torch

        tensors = [torch.from_numpy(array) for array in inputs]
        return tuple(x.requires_grad_(place in wrt) for place, x in enumerate(tensors))

    def ours(self, loss: str) -> Any:
        """Our loss: a function to be differentiated."""
        return getattr(lossapi, loss)

    def peer(self, module: ModuleType, loss: str) -> Any:
        """A peer's loss: a function to be differentiated."""
        return getattr(module, loss, None)

    def transformed(self, function: Function) -> Function:
        """The function as it is called."""
        return function

    def timed(
        self, contender: Any, mode: str, arrays: tuple[Any, ...], wrt: tuple[int, ...], **given: Any
    ) -> Timed | None:
        """Forward without gradients, or forward and backward."""
        import torch

        function = self.transformed(partial(contender, **given))
        leaves = [arrays[place] for place in wrt]

        def value() -> Any:
            with torch.no_grad():
                return function(*arrays)

        def value_and_grad() -> Any:
            result = function(*arrays)
            return result.detach(), *torch.autograd.grad(result, leaves)

        return value if mode == "value" else value_and_grad

    def extra_memory(self, call: Timed) -> int | None:
        """Bytes by which the resident memory grows at most, beyond the results."""
        return memory.resident(call, lambda result: sum(x.nbytes for x in _flat(result)))


class CompiledTorchLibrary(TorchLibrary):
    """The same through ``torch.compile``."""

    def transformed(self, function: Function) -> Function:
        """The function compiled for these shapes."""
        import torch

        torch._dynamo.reset()
        compiled: Function = torch.compile(function, dynamic=False)
        return compiled


class JaxLibrary(TorchLibrary):
    """JAX arrays, everything under jit; gradients by ``jax.value_and_grad``."""

    large = NumpyLibrary.large

    def context(self, dtype: str) -> AbstractContextManager[Any]:
        """Double precision only for float64."""
        import jax

        context: AbstractContextManager[Any] = jax.enable_x64(dtype == "float64")
        return context

    def arrays(self, inputs: tuple[Any, ...], wrt: tuple[int, ...]) -> tuple[Any, ...]:
        """JAX arrays."""
        import jax.numpy as jnp

        return tuple(jnp.asarray(array) for array in inputs)

    def timed(
        self, contender: Any, mode: str, arrays: tuple[Any, ...], wrt: tuple[int, ...], **given: Any
    ) -> Timed | None:
        """The jitted function, and waiting for its results."""
        import jax

        function: Function = partial(contender, **given)
        if mode == "value_and_grad":
            function = jax.value_and_grad(function, argnums=wrt)
        return _Jitted(jax.jit(function), arrays)

    def extra_memory(self, call: Timed) -> int | None:
        """Bytes of temporaries, by the compiler's account."""
        analysis = call.compiled.lower(*call.arrays).compile().memory_analysis()  # type: ignore[attr-defined]
        return None if analysis is None else int(analysis.temp_size_in_bytes)


class _Jitted:
    def __init__(self, compiled: Any, arrays: tuple[Any, ...]) -> None:
        import jax

        self.compiled, self.arrays = compiled, arrays
        self.wait: Function = jax.block_until_ready

    def __call__(self) -> Any:
        return self.wait(self.compiled(*self.arrays))


def _flat(result: Any) -> list[Any]:
    if isinstance(result, tuple | list):
        return [array for part in result for array in _flat(part)]
    return [result]


LIBRARIES: dict[str, type[NumpyLibrary]] = {
    "numpy": NumpyLibrary,
    "torch": TorchLibrary,
    "torch.compile": CompiledTorchLibrary,
    "jax": JaxLibrary,
}
"""The array libraries by name."""
