"""What PyTorch does to functions of tensors, for the conformance suite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd import forward_ad

from lossapi.backend import Transform


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    # Every function that the suite compiles is one piece of code, which may be compiled 8 times.
    torch._dynamo.reset()
    compiled: Callable[..., Any] = torch.compile(function, fullgraph=True, backend="aot_eager")
    return compiled


def _backward(function: Callable[..., Any]) -> Callable[..., Any]:
    def gradient(first: Any, *rest: Any) -> Any:
        leaf = first.detach().clone().requires_grad_()
        result = function(leaf, *rest)
        if not result.requires_grad:
            return torch.zeros_like(leaf)  # it does not depend on the first argument
        result.backward()
        return leaf.grad

    return gradient


def _autocast(function: Callable[..., Any]) -> Callable[..., Any]:
    def under_autocast(*arrays: Any) -> Any:
        with torch.autocast(arrays[0].device.type, dtype=torch.bfloat16):
            return function(*arrays)

    return under_autocast


def _directional(function: Callable[..., Any]) -> Callable[..., Any]:
    def along(primal: Any, tangent: Any, *rest: Any) -> Any:
        return torch.func.jvp(lambda x: function(x, *rest), (primal,), (tangent,))[1]

    return along


def _dual(function: Callable[..., Any]) -> Callable[..., Any]:
    def along(primal: Any, tangent: Any, *rest: Any) -> Any:
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(primal, tangent)  # type: ignore[no-untyped-call]
            return forward_ad.unpack_dual(function(dual, *rest)).tangent  # type: ignore[no-untyped-call]

    return along


def _double_backward(function: Callable[..., Any]) -> Callable[..., Any]:
    def hessian(first: Any, *rest: Any) -> Any:
        leaf = first.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(function(leaf, *rest), leaf, create_graph=True)
        rows = [
            torch.autograd.grad(entry, leaf, retain_graph=True, allow_unused=True)[0]
            if entry.requires_grad
            else None
            for entry in gradient.reshape(-1)
        ]
        zero = torch.zeros_like(leaf)
        stacked = torch.stack([zero if row is None else row for row in rows])
        return stacked.reshape(*leaf.shape, *leaf.shape)

    return hessian


TRANSFORMS = {
    "backward": Transform("gradient", _backward),
    "func.grad": Transform("gradient", torch.func.grad),
    "compile": Transform("call", _compiled),
    "compile-backward": Transform("gradient", lambda f: _backward(_compiled(f))),
    "autocast": Transform("call", _autocast),
    "vmap": Transform("map", torch.func.vmap),
    "jvp": Transform("directional", _directional),
    "forward-ad": Transform("directional", _dual),
    "hessian": Transform("hessian", torch.func.hessian),
    "double-backward": Transform("hessian", _double_backward),
}
"""By name."""
