"""A recorded plan as one CUDA kernel: results and totals of a loss whose examples are numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .blockwise.graph import Node, constant, ordered

THREADS = 256
"""How many threads a block has: a power of two, as totals are added up in pairs."""
OPTIONS = ("--fmad=false",)
"""What the compiler is told: sums and products that find each other's errors are kept apart."""
_TYPES = {
    "float32": "float",
    "float64": "double",
    "int32": "int",
    "int64": "long long",
    "bool": "bool",
}
_INFIX = {
    **{np.add: "+", np.subtract: "-", np.multiply: "*", np.true_divide: "/"},
    **{np.less: "<", np.less_equal: "<=", np.greater: ">", np.greater_equal: ">="},
    **{np.equal: "==", np.not_equal: "!="},
    **{np.logical_and: "&&", np.logical_or: "||"},
}
_OF_BOOLS = {np.bitwise_and: "&&", np.bitwise_or: "||", np.bitwise_xor: "!="}
_CALLS = {
    **{np.exp: "exp", np.log: "log", np.log1p: "log1p", np.expm1: "expm1", np.sqrt: "sqrt"},
    **{np.sinh: "sinh", np.cosh: "cosh", np.tanh: "tanh", np.power: "pow", np.absolute: "fabs"},
    **{np.floor: "floor", np.sin: "sin", np.cos: "cos", np.arctan: "atan"},
}
_UNARY = {
    np.negative: "-{0}",
    np.invert: "!{0}",
    np.logical_not: "!{0}",
    np.isnan: "{0} != {0}",
    np.isinf: "fabs({0}) == {inf}",
    np.isfinite: "fabs({0}) < {inf}",
}
_UNARY_OF = {np.invert: "b", np.logical_not: "b"}
"""What kind of number these take that take no floating ones."""
_EXTREMES = {np.maximum: ">=", np.minimum: "<="}
_INFINITY = "(1.0 / 0.0)"

_KERNEL = """\
extern "C" __global__ void {name}({parameters})
{{
{before}\
    const long long stride = (long long)blockDim.x * gridDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += stride) {{
{each}\
    }}
{rest}\
}}
"""
_TOTALS = """\
    // Each block leaves its sums; the one that ends last adds those of all up, in their order.
    __shared__ double held[{threads}];
    __shared__ bool is_last;
{own}\
    if (threadIdx.x == 0) {{
        __threadfence();
        is_last = atomicAdd(ended, 1u) == gridDim.x - 1;
    }}
    __syncthreads();
    if (!is_last) return;
    __threadfence();
{all}\
"""
_OWN = """\
    SUM_OF_BLOCK(a{k})
    if (threadIdx.x == 0) sums[{k} * gridDim.x + blockIdx.x] = held[0];
    __syncthreads();
"""
_ALL = """\
    a{k} = 0.0;
    for (unsigned b = threadIdx.x; b < gridDim.x; b += blockDim.x)
        a{k} += sums[{k} * gridDim.x + b];
    SUM_OF_BLOCK(a{k})
    a{k} = held[0];
    __syncthreads();
"""
PREAMBLE = """\
#define SUM_OF_BLOCK(own) \\
    held[threadIdx.x] = own; \\
    __syncthreads(); \\
    for (unsigned half = blockDim.x / 2; half; half /= 2) { \\
        if (threadIdx.x < half) held[threadIdx.x] += held[threadIdx.x + half]; \\
        __syncthreads(); \\
    }
"""
"""What stands once before kernels: the sum of a number of each thread, in pairs, as held[0]."""


class Kernel(NamedTuple):
    """A kernel's text, and in which order it takes its arrays after the number of examples."""

    source: str
    inputs: list[str]
    results: list[tuple[bool, Any]]
    """Of each: whether it has an entry for each example, and its dtype."""
    totals: int
    """How many totals there are: as many sums of each block come after the results, and how many
    blocks have ended."""


class _UnwritableError(Exception):
    """A call that a kernel for single numbers does not have."""


def kernel(name: str, outputs: list[Any]) -> Kernel | None:
    """What computes the outputs in one kernel; None where that cannot be."""
    nodes = ordered(outputs)
    waiting = _after_totals(nodes)
    several = any(n.core or (n.rows and id(n) in waiting) for n in nodes)
    if several or not all(isinstance(x, Node) for x in outputs):
        return None
    try:
        return _written(name, outputs, nodes, waiting)
    except _UnwritableError:
        return None


def _after_totals(nodes: list[Node]) -> set[int]:
    """What can be computed only when totals are known."""
    found: set[int] = set()
    for node in nodes:
        if any(id(x) in found or getattr(x, "function", "") == "total" for x in node.operands):
            found.add(id(node))
    return found


def _written(name: str, outputs: list[Node], nodes: list[Node], waiting: set[int]) -> Kernel:
    inputs = [n for n in nodes if n.function == "input"]
    totals = [n for n in nodes if n.function == "total"]
    told = {id(n): f"x{k}" for k, n in enumerate(inputs)}
    told |= {id(n): f"(({_type(n.dtype)})a{k})" for k, n in enumerate(totals)}
    shared: list[str] = []  # before the loop over examples, in it, and when the totals are known
    each: list[str] = []
    rest: list[str] = []
    for node in nodes:
        if node.function == "total" or constant(node) is not None:
            continue
        lines = each if node.rows else rest if id(node) in waiting else shared
        if node.function == "input":
            text = f"i{told[id(node)][1:]}[{'i' if node.rows else '0'}]"
        else:
            text = _text(node, told)
            told[id(node)] = f"t{len(told)}"
        lines.append(f"const {_type(node.dtype)} {told[id(node)]} = {text};")
    for k, node in enumerate(totals):
        each.append(f"a{k} += (double){_operand(node.operands[0], told, node.dtype)};")
    alone = "threadIdx.x == 0" if totals else "blockIdx.x == 0 && threadIdx.x == 0"
    for k, node in enumerate(outputs):
        place = "i" if node.rows else "0"
        store = f"o{k}[{place}] = {_operand(node, told, node.dtype)};"
        (each if node.rows else rest).append(store if node.rows else f"if ({alone}) {store}")
    parameters = [
        "const long long n",
        *(f"const {_type(n.dtype)}* i{k}" for k, n in enumerate(inputs)),
        *(f"{_type(n.dtype)}* o{k}" for k, n in enumerate(outputs)),
        *(["volatile double* sums", "unsigned* ended"] if totals else []),
    ]
    several = range(len(totals))
    added = _TOTALS.format(
        threads=THREADS,
        own="".join(_OWN.format(k=k) for k in several),
        all="".join(_ALL.format(k=k) for k in several),
    )
    source = _KERNEL.format(
        name=name,
        parameters=", ".join(parameters),
        before="".join(f"    {x}\n" for x in [*(f"double a{k} = 0.0;" for k in several), *shared]),
        each="".join(f"        {line}\n" for line in each),
        rest=(added if totals else "") + "".join(f"    {line}\n" for line in rest),
    )
    names = [n.options["name"] for n in inputs]
    return Kernel(source, names, [(n.rows, n.dtype) for n in outputs], len(totals))


def _text(node: Node, told: dict[int, str]) -> str:
    """What computes a number."""
    function, own = node.function, _type(node.dtype)
    if function == "count":
        return f"({own})n"
    if function == "astype":
        return f"({own}){told[id(node.operands[0])]}"
    if function is np.where:
        test, one, other = node.operands
        chosen = (_operand(x, told, node.dtype) for x in (one, other))
        return f"{_operand(test, told, np.dtype(bool))} ? {' : '.join(chosen)}"
    if not isinstance(function, np.ufunc) or node.options:
        raise _UnwritableError(function)
    met = np.result_type(*(x.dtype for x in node.operands if isinstance(x, Node)))
    given = [
        _operand(x, told, met if node.dtype.kind == "b" else node.dtype) for x in node.operands
    ]
    if function in _INFIX:
        return f" {_INFIX[function]} ".join(given)
    if function in _OF_BOOLS and met.kind == "b":
        return f" {_OF_BOOLS[function]} ".join(given)
    if function in _EXTREMES:
        a, b = given
        return f"({a} {_EXTREMES[function]} {b} || {a} != {a}) ? {a} : {b}"
    if function in _UNARY and met.kind == _UNARY_OF.get(function, "f"):
        return _UNARY[function].format(*given, inf=_literal(met.type(np.inf)))
    if function in _CALLS and node.dtype.kind == "f":
        return f"{_CALLS[function]}({', '.join(given)})"
    raise _UnwritableError(function)


def _operand(x: Any, told: dict[int, str], dtype: Any) -> str:
    """An operand in the dtype that it is to meet the other in."""
    known = constant(x)
    if known is not None:
        return _literal(np.dtype(dtype).type(known))
    return told[id(x)] if x.dtype == dtype else f"(({_type(dtype)}){told[id(x)]})"


def _literal(value: Any) -> str:
    """A number as C++ writes it, to the last bit."""
    kind = _type(value.dtype)
    if value.dtype.kind != "f":
        return f"(({kind}){int(value)})"
    if np.isnan(value):
        return f"(({kind})({_INFINITY} - {_INFINITY}))"
    size = f"({kind}){_INFINITY}" if np.isinf(value) else abs(float(value)).hex()
    return f"({'-' if np.signbit(value) else ''}{size}{'f' * (size[0] == '0' and kind == 'float')})"


def _type(dtype: Any) -> str:
    try:
        return _TYPES[dtype.name]
    except KeyError:
        raise _UnwritableError(dtype) from None
