"""A recorded plan as one CUDA kernel, or two: results and totals of examples with few entries."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .blockwise.graph import Node, constant, ordered, rewritten
from .blockwise.tracing import put_class, take_class

THREADS = 256
"""How many threads a block has: a power of two, as totals are added up in pairs."""
OPTIONS = ("--fmad=false",)
"""What the compiler is told: sums and products that find each other's errors are kept apart."""
ENTRIES = 64
"""How many entries an example may have: each is a register, or spills."""
_TYPES = {
    "float32": "float",
    "float64": "double",
    "int32": "int",
    "int64": "long long",
    "bool": "bool",
}
_INFIX: dict[Any, str] = {
    **{np.add: "+", np.subtract: "-", np.multiply: "*", np.true_divide: "/"},
    **{np.less: "<", np.less_equal: "<=", np.greater: ">", np.greater_equal: ">="},
    **{np.equal: "==", np.not_equal: "!="},
    **{np.logical_and: "&&", np.logical_or: "||"},
}
_OF_BOOLS = {np.bitwise_and: "&&", np.bitwise_or: "||", np.bitwise_xor: "!="}
_CALLS: dict[Any, str] = {
    **{np.exp: "exp", np.log: "log", np.log1p: "log1p", np.expm1: "expm1", np.sqrt: "sqrt"},
    **{np.sinh: "sinh", np.cosh: "cosh", np.tanh: "tanh", np.power: "pow", np.absolute: "fabs"},
    **{
        np.maximum: "largest",
        np.minimum: "smallest",
        np.floor: "floor",
        np.sin: "sin",
        np.cos: "cos",
        np.arctan: "atan",
    },
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
_FOLDS = {
    **{np.sum: "({a} + {b})", np.prod: "({a} * {b})"},
    **{np.any: "({a} || {b})", np.all: "({a} && {b})"},
    **{np.max: "largest({a}, {b})", np.min: "smallest({a}, {b})"},
}
_PLACES = {
    np.argmax: "{a} > {b} || ({a} != {a} && {b} == {b})",
    np.argmin: "{a} < {b} || ({a} != {a} && {b} == {b})",
}
"""What tells that an entry takes the place of the one before; the first NaN stands above all."""
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
template <class T> __device__ T largest(T a, T b) { return a >= b || a != a ? a : b; }
template <class T> __device__ T smallest(T a, T b) { return a <= b || a != a ? a : b; }
#define SUM_OF_BLOCK(own) \\
    held[threadIdx.x] = own; \\
    __syncthreads(); \\
    for (unsigned half = blockDim.x / 2; half; half /= 2) { \\
        if (threadIdx.x < half) held[threadIdx.x] += held[threadIdx.x + half]; \\
        __syncthreads(); \\
    }
"""
"""What stands before a kernel; the last adds up a number of each thread, in pairs, as held[0]."""


class Kernel(NamedTuple):
    """A kernel's text, and in which order it takes its arrays after the number of examples."""

    name: str
    source: str
    inputs: list[str]
    results: list[tuple[bool, tuple[int, ...], Any]]
    """Of each: whether there is one for each example, its core shape, and its dtype."""
    goals: list[int | str]
    """Which of the outputs each of them is, or under what name a second kernel takes it."""
    totals: int
    """How many totals there are: as many sums of each block come after the results, and how many
    blocks have ended."""


class _UnwritableError(Exception):
    """A call that a kernel does not have."""


def kernels(name: str, outputs: list[Any]) -> list[Kernel] | None:
    """What computes the outputs in one kernel, or two; None where that cannot be.

    A thread computes an example, and each of its entries has a name: so there are but few. Where
    results of examples wait for totals, as for a sum of weights, a second kernel computes them.
    """
    nodes = ordered(outputs)
    if not all(isinstance(x, Node) for x in outputs):
        return None
    if any(math.prod(n.core) > ENTRIES for n in nodes):
        return None
    waiting = _after_totals(nodes)
    if any(n.function == "total" and id(n) in waiting for n in nodes):
        return None  # a sum over examples that need a sum themselves would take a third kernel
    late = [n for n in nodes if n.rows and id(n) in waiting]
    awaited = {id(x): x for n in late for x in n.operands if _is_awaited(x, waiting)}
    is_late = [x.rows and id(x) in waiting for x in outputs]
    now: dict[int | str, Node] = {k: x for k, x in enumerate(outputs) if not is_late[k]}
    then: dict[int | str, Node] = {k: x for k, x in enumerate(outputs) if is_late[k]}
    sums = {id(x): f"sum{k}" for k, x in enumerate(awaited.values())}

    def given(node: Node, _: Any) -> Node | None:
        """What the first kernel gives the second one."""
        if id(node) not in sums:
            return None
        return node.tape.input(sums[id(node)], False, node.core, node.dtype)

    now.update((sums[id(x)], x) for x in awaited.values())
    rest = rewritten(list(then.values()), given)
    parts = [(name, now)]
    if then:
        parts.append((f"{name}_then", dict(zip(then, rest, strict=True))))
    try:
        return [_Writer().written(*part) for part in parts]
    except _UnwritableError:
        return None


def _is_awaited(x: Any, waiting: set[int]) -> bool:
    """Whether an operand of an example's number is a total, or known after one."""
    if not isinstance(x, Node) or x.rows:
        return False
    return x.function == "total" or id(x) in waiting


def _after_totals(nodes: Sequence[Node]) -> set[int]:
    """What can be computed only when totals are known."""
    found: set[int] = set()
    for node in nodes:
        if any(id(x) in found or getattr(x, "function", "") == "total" for x in node.operands):
            found.add(id(node))
    return found


class _Writer:
    def __init__(self) -> None:
        self._told: dict[int, Any] = {}
        """Of each node the names of its entries, as an array of its core shape."""
        self._count = 0

    def written(self, name: str, goals: Mapping[Any, Node]) -> Kernel:
        """The kernel for these outputs."""
        outputs = list(goals.values())
        nodes = ordered(outputs)
        waiting = _after_totals(nodes)
        inputs = [n for n in nodes if n.function == "input"]
        totals = [n for n in nodes if n.function == "total"]
        for k, node in enumerate(totals):
            self._told[id(node)] = _array([f"(({_type(node.dtype)})a{k})"], ())
        shared: list[str] = []  # before the loop over examples, in it, and after the totals
        each: list[str] = []
        rest: list[str] = []
        for k, node in enumerate(inputs):
            first, size = ("i", math.prod(node.core)) if node.rows else ("0", 1)
            places = range(math.prod(node.core))
            texts = [f"i{k}[{first} * {size} + {e}]" for e in places]
            self._name(node, texts, each if node.rows else shared)
        for node in nodes:
            if id(node) not in self._told and constant(node) is None:
                lines = each if node.rows else rest if id(node) in waiting else shared
                self._write(node, lines)
        for k, node in enumerate(totals):
            each += [f"a{k} += (double){x};" for x in self._entries(node.operands[0], node.dtype)]
        alone = "threadIdx.x == 0" if totals else "blockIdx.x == 0 && threadIdx.x == 0"
        for k, node in enumerate(outputs):
            size = math.prod(node.core)
            for e, x in enumerate(self._entries(node, node.dtype)):
                if node.rows:
                    each.append(f"o{k}[i * {size} + {e}] = {x};")
                else:
                    rest.append(f"if ({alone}) o{k}[{e}] = {x};")
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
        before = [*(f"double a{k} = 0.0;" for k in several), *shared]
        source = _KERNEL.format(
            name=name,
            parameters=", ".join(parameters),
            before="".join(f"    {line}\n" for line in before),
            each="".join(f"        {line}\n" for line in each),
            rest=(added if totals else "") + "".join(f"    {line}\n" for line in rest),
        )
        names = [n.options["name"] for n in inputs]
        results = [(n.rows, n.core, n.dtype) for n in outputs]
        return Kernel(name, source, names, results, list(goals), len(totals))

    def _write(self, node: Node, lines: list[str]) -> None:
        """Name the entries of a node, and write what computes them."""
        function, options = node.function, node.options
        if function == "index":
            self._told[id(node)] = _array([str(k) for k in range(node.core[0])], node.core)
        elif function is operator.getitem:
            self._told[id(node)] = _array(
                self._names(node.operands[0])[options["index"]], node.core
            )
        elif function is np.expand_dims or function == "broadcast":
            self._told[id(node)] = self._shaped(node.operands[0], node)
        elif function == "concat":
            parts = [self._names(x) for x in node.operands]
            self._told[id(node)] = np.concatenate(parts, **options)
        elif function in _FOLDS:
            self._name(node, self._folded(node), lines)
        elif function in _PLACES:
            self._place(node, lines)
        elif function == take_class:
            self._name(node, self._taken(node), lines)
        elif function == put_class:
            self._name(node, self._put(node), lines)
        elif function == "astype":
            names = self._names(node.operands[0]).flat
            self._name(node, [f"({_type(node.dtype)}){x}" for x in names], lines)
        else:
            self._name(node, self._each(node), lines)

    def _name(self, node: Node, texts: list[str], lines: list[str]) -> None:
        names = [f"t{self._count + k}" for k in range(len(texts))]
        self._count += len(texts)
        kind = _type(node.dtype)
        lines += [f"const {kind} {x} = {text};" for x, text in zip(names, texts, strict=True)]
        self._told[id(node)] = _array(names, node.core)

    def _names(self, x: Any, dtype: Any = None) -> Any:
        """The names of the entries of an operand in a dtype, or the number that they are."""
        known = constant(x)
        if known is not None:
            literal = _literal(np.dtype(dtype or x.dtype).type(known))
            core = x.core if isinstance(x, Node) else ()
            return _array([literal] * math.prod(core), core)
        names = self._told[id(x)]
        if dtype is None or x.dtype == dtype:
            return names
        return _array([f"(({_type(dtype)}){name})" for name in names.flat], x.core)

    def _entries(self, x: Any, dtype: Any) -> list[str]:
        return list(self._names(x, dtype).flat)

    def _shaped(self, x: Any, node: Node) -> Any:
        names = self._names(x)
        if node.function == "broadcast":
            return np.broadcast_to(names, node.core)
        return names.reshape(node.core)

    def _each(self, node: Node) -> list[str]:
        """What computes each entry from those of the operands."""
        if node.function is np.where:
            kinds = [np.dtype(bool), node.dtype, node.dtype]
        elif isinstance(node.function, np.ufunc) and not node.options:
            met = np.result_type(*(x.dtype for x in node.operands if isinstance(x, Node)))
            kinds = [met if node.dtype.kind == "b" else node.dtype] * len(node.operands)
        elif node.function == "count":
            return [f"({_type(node.dtype)})n"]
        else:
            raise _UnwritableError(node.function)
        pairs = zip(node.operands, kinds, strict=True)
        given = [np.broadcast_to(self._names(x, kind), node.core) for x, kind in pairs]
        texts = zip(*(x.flat for x in given), strict=True)
        return [_text(node.function, kinds[-1], node.dtype, list(entry)) for entry in texts]

    def _folded(self, node: Node) -> list[str]:
        """What computes the sums, or the like, along axes."""
        join = _FOLDS[node.function]
        (x,), axis = node.operands, node.options["axis"]
        if set(node.options) - {"axis", "keepdims"}:
            raise _UnwritableError(node.options)
        names = self._names(x, np.dtype(bool) if node.dtype.kind == "b" else node.dtype)
        axes = tuple(range(names.ndim)) if axis is None else axis
        axes = axes if isinstance(axes, tuple) else (axes,)
        last = np.moveaxis(names, axes, range(-len(axes), 0))
        lines = last.reshape(-1, math.prod(last.shape[last.ndim - len(axes) :]))
        return [_in_pairs(list(line), join) for line in lines]

    def _place(self, node: Node, lines: list[str]) -> None:
        """Name, of each line of entries, the place of the largest or smallest."""
        (x,), test, kind = node.operands, _PLACES[node.function], _type(node.operands[0].dtype)
        if node.options["axis"] not in (-1, len(x.core) - 1):
            raise _UnwritableError(node.options)
        found = []
        for line in self._names(x).reshape(-1, x.core[-1]):
            best, place = line[0], "0"
            for k, other in enumerate(line[1:], 1):
                self._count += 1
                is_new, new, there = (f"{letter}{self._count}" for letter in "bvp")
                lines.append(f"const bool {is_new} = {test.format(a=other, b=best)};")
                lines.append(f"const {kind} {new} = {is_new} ? {other} : {best};")
                lines.append(f"const int {there} = {is_new} ? {k} : {place};")
                best, place = new, there
            found.append(place)
        self._name(node, found, lines)

    def _taken(self, node: Node) -> list[str]:
        """Of each line of classes the entry that a label names."""
        array, labels = (self._names(x) for x in node.operands)
        lines = np.broadcast_to(array, (*node.core, array.shape[-1])).reshape(-1, array.shape[-1])
        found = []
        for line, label in zip(lines, np.broadcast_to(labels, node.core).flat, strict=True):
            tests = [f"{label} == {k} ? {x} : " for k, x in enumerate(line[:-1])]
            found.append("".join(tests) + line[-1])
        return found

    def _put(self, node: Node) -> list[str]:
        """The lines of classes with another number in the entry that a label names."""
        array, labels, value = node.operands
        names = self._names(array)
        of_line = np.broadcast_to(self._names(labels)[..., None], node.core).flat
        new = np.broadcast_to(self._names(value, node.dtype), node.core).flat
        places = np.broadcast_to(np.arange(node.core[-1]), node.core).flat
        entries = zip(names.flat, of_line, new, places, strict=True)
        return [f"{label} == {k} ? {y} : {x}" for x, label, y, k in entries]


def _array(names: Any, core: tuple[int, ...]) -> Any:
    return np.asarray(names, dtype=object).reshape(core)


def _in_pairs(terms: list[str], join: str) -> str:
    """The terms joined in pairs, and these again, so that little is rounded away."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    a, b = _in_pairs(terms[:half], join), _in_pairs(terms[half:], join)
    return join.format(a=a, b=b)


def _text(function: Any, met: Any, due: Any, given: list[str]) -> str:
    """What computes a number from others that meet in a dtype."""
    if function is np.where:
        return f"{given[0]} ? {given[1]} : {given[2]}"
    if function in _INFIX:
        return f" {_INFIX[function]} ".join(given)
    if function in _OF_BOOLS and met.kind == "b":
        return f" {_OF_BOOLS[function]} ".join(given)
    if function in _UNARY and met.kind == _UNARY_OF.get(function, "f"):
        return _UNARY[function].format(*given, inf=_literal(met.type(np.inf)))
    if function in _CALLS and due.kind == "f":
        return f"{_CALLS[function]}({', '.join(given)})"
    raise _UnwritableError(function)


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
