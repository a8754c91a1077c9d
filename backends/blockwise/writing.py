"""The straight line of NumPy calls that does to a block of examples what was recorded."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, NamedTuple

import numpy as np

from .few_classes import apart
from .graph import Node, constant
from .places import put_at
from .sums import PIECE, can_sum, sum_of, sum_of_products

LINE = 64
"""How many bytes a line of the cache has."""
_REDUCE = {
    np.sum: np.add,
    np.max: np.maximum,
    np.min: np.minimum,
    np.any: np.logical_or,
    np.all: np.logical_and,
    np.prod: np.multiply,
}
_EXTREMES = (np.maximum, np.minimum)
_VIEWS = ("view", operator.getitem, np.expand_dims)
_CHANGES = (put_at, apart)
"""What changes some entries of its operand, in a copy if that is needed for something else."""
_INTO = ("astype", "broadcast", "concat", *_CHANGES)
_ONES = "ones"
"""What a buffer of ones is known by, with which a dot product adds up."""


class Count(Enum):
    """For how many examples a block is written."""

    ONE = auto()
    FEW = auto()
    """So many that no array has more entries than one dot product adds up."""
    ANY = auto()

    @staticmethod
    def of(rows: int, entries: int) -> Count:
        """That of so many examples, of which an array has so many entries each."""
        return Count.ONE if rows == 1 else Count.FEW if rows * entries <= PIECE else Count.ANY


class Buffer(NamedTuple):
    """Memory for one entry of a shape for each example of a block."""

    core: tuple[int, ...]
    itemsize: int
    kinds: list[tuple[Any, bool]]
    """The dtypes as which it is seen, and whether as one line."""


class Block:
    """A function of blocks: inputs, what all share, results to fill, and scratch memory."""

    def __init__(
        self,
        nodes: list[Node],
        inputs: list[Node],
        shared: list[Node],
        results: list[Node],
        totals: list[Node],
        rows_last: bool = False,
        blank: bool = False,
        count: Count = Count.ANY,
    ) -> None:
        self._made_of = nodes, inputs, shared, results, totals, rows_last, blank
        self._rows_last, self._blank, self._count = rows_last, blank, count
        self.single: Callable[[], Block | None] | None = None
        """What writes the same for one number."""
        self._left_blank: set[str] = set()
        """The results of which only what is not 0 is written, if they may be `blank` before."""
        self.buffers: list[Buffer] = []
        self._constants: dict[Any, str] = {}
        self._filled: dict[tuple[str, tuple[int, ...], Any], Any] = {}
        self._free: list[int] = []
        self._memory: dict[int, int] = {}
        """Of a node that others are views of: the buffer that holds it."""
        self._names = {id(n): f"i{k}" for k, n in enumerate(inputs)}
        self._names |= {id(n): f"c{k}" for k, n in enumerate(shared)}
        names = list(self._names.values())
        self._globals: dict[str, Any] = {"copyto": np.copyto, "concatenate": np.concatenate}
        self._lines: list[str] = []
        self._results: dict[int, tuple[str, Any]] = {}
        """Of a node whose entries are written straight into a result: its name and dtype."""
        self._roots: dict[int, Node] = {}
        for node in nodes:
            self._roots[id(node)] = self._root_of(node)
        copied = self._place(nodes, results)
        self._last = self._last_uses(nodes, copied)
        for place, node in enumerate(nodes):
            self._write(place, node)
        self._lines += [f"copyto({name}, {self._result(node)})" for node, name in copied]
        self._lines.append(f"return ({''.join(f'{self._names[id(n)]}, ' for n in totals)})")
        names += [f"o{k}" for k in range(len(results))]
        names += [self._seen_as(k, *kind) for k, b in enumerate(self.buffers) for kind in b.kinds]
        names += [f"w{k}" for k in range(len(self._filled))]
        lines = "".join(f"    {line}\n" for line in self._lines)
        self.source = f"def block({', '.join(names)}):\n{lines}"
        self.length = len(self._lines)
        exec(self.source, self._globals)  # our own text throughout, as in collections.namedtuple
        self.function: Callable[..., Any] = self._globals["block"]
        self.buffers += [
            Buffer(core, dtype.itemsize, [(dtype, name == _ONES)])
            for name, core, dtype in self._filled
        ]
        self.bytes_each = sum(size(core) * itemsize for core, itemsize, _ in self.buffers)
        """How much scratch memory an example needs."""

    def written_for(self, count: Count) -> Block:
        """The same for one example or for few.

        To write over an operand of one entry takes NumPy twice as long as to write elsewhere.
        """
        if count is Count.ANY:
            return self
        alone = self.single() if count is Count.ONE and self.single else None
        return alone or Block(*self._made_of, count=count)

    def leaves(self, place: int) -> bool:
        """Whether of a result only what is not 0 is written."""
        return f"o{place}" in self._left_blank

    def bytes_for(self, rows: int) -> int:
        """How much scratch memory some examples need."""
        return sum(_apart(rows * size(core) * itemsize) for core, itemsize, _ in self.buffers)

    def buffers_in(self, memory: Any, rows: int) -> list[Any]:
        """Scratch memory for some examples: each buffer as all that it is seen as."""
        found: list[Any] = []
        start = 0
        for core, itemsize, kinds in self.buffers:
            due = rows * size(core) * itemsize
            piece = memory[start : start + due]
            for kind, flat in kinds:
                seen = piece.view(kind)
                found.append(seen if flat else seen.reshape(self._shape(rows, core)))
            start += _apart(due)
        return found

    def fill(self, buffers: list[Any]) -> None:
        """Set the buffers that hold one number throughout."""
        first = len(buffers) - len(self._filled)
        for array, value in zip(buffers[first:], self._filled.values(), strict=True):
            array.fill(value)

    def _shape(self, rows: int, core: tuple[int, ...]) -> tuple[int, ...]:
        return (*core, rows) if self._rows_last else (rows, *core)

    # --- whose memory a node's is

    def _root_of(self, node: Node) -> Node:
        """The node whose memory a node shows: itself, unless it is a view."""
        first = node.operands[0] if node.operands else None
        return self._roots.get(id(first), node) if node.function in _VIEWS else node

    def _place(self, nodes: list[Node], results: list[Node]) -> list[tuple[Node, str]]:
        """Have results written where they belong; those that must be copied there instead."""
        copied = []
        read = self._read(nodes)
        for k, node in enumerate(results):
            root = self._roots[id(node)]
            whole = node is root or (node.function == "view" and node.operands[0] is root)
            if self._rows_last and node.core:
                # The last step may write over strides, which costs no more than a copy.
                if whole and isinstance(root.function, np.ufunc) and id(root) not in read:
                    self._lines.append(f"o{k}_turned = o{k}.T")
                    self._results[id(root)] = f"o{k}_turned", node.dtype
                else:
                    copied.append((node, f"o{k}.T"))
            elif whole and _writes(root) and id(root) not in self._results:
                self._results[id(root)] = f"o{k}", node.dtype
            else:
                copied.append((node, f"o{k}"))
        return copied

    def _read(self, nodes: list[Node]) -> set[int]:
        """Whose memory is read by what is no view of it."""
        operands = [x for n in nodes if n.function not in _VIEWS for x in n.operands]
        return {id(self._roots[id(x)]) for x in operands if id(x) in self._roots}

    def _last_uses(self, nodes: list[Node], copied: list[tuple[Node, str]]) -> dict[int, int]:
        last = {}
        for place, node in enumerate(nodes):
            for x in node.operands:
                if isinstance(x, Node) and id(x) in self._roots:
                    last[id(self._roots[id(x)])] = place
        return {**last, **{id(self._roots[id(node)]): len(nodes) for node, _ in copied}}

    def _ending(self, place: int, node: Node) -> list[int]:
        """The buffers that nothing needs after this node, by the keys of what they held."""
        roots = [self._roots.get(id(x)) for x in node.operands if isinstance(x, Node)]
        keys = {id(r) for r in roots if r is not None}
        return [k for k in keys if self._last.get(k) == place and k in self._memory]

    def _out(self, place: int, node: Node) -> str:
        """Where a node's entries go: a result, or a buffer, if it may be that of an operand."""
        if id(node) in self._results:
            name, dtype = self._results[id(node)]
            return name if dtype == node.dtype else self._view_of(name, node.dtype)
        due = node.core, node.dtype.itemsize
        over = isinstance(node.function, np.ufunc) and self._count is not Count.ONE
        ending = self._ending(place, node) if over else []
        if node.function in _CHANGES:
            own = id(self._roots.get(id(node.operands[0])))
            ending = [k for k in self._ending(place, node) if k == own]
        found = next((k for k in ending if self.buffers[self._memory[k]][:2] == due), None)
        free = next((k for k in self._free if self.buffers[k][:2] == due), None)
        if found is not None:
            place = self._memory.pop(found)
        elif free is not None:
            self._free.remove(free)
            place = free
        else:
            place = len(self.buffers)
            self.buffers.append(Buffer(*due, []))
        self._memory[id(node)] = place
        return self._seen_as(place, node.dtype)

    def _seen_as(self, place: int, kind: Any, flat: bool = False) -> str:
        kinds = self.buffers[place].kinds
        if (kind, flat) not in kinds:
            kinds.append((kind, flat))
        return f"s{place}_{np.dtype(kind).name}{'_flat' if flat else ''}"

    # --- lines

    def _write(self, place: int, node: Node) -> None:
        """The line that computes a node, and its name from there on."""
        function = node.function
        if constant(node) is not None:
            return
        if function == "input":
            self._take_in(place, node)
            return
        if function == "view":
            self._names[id(node)] = self._viewed(node)
        elif function == "total":
            self._add_up(node)
        elif function is operator.getitem:
            index = node.options["index"]
            index = (*index[1:], slice(None)) if self._rows_last else index
            self._assign(node, f"{self._operands(node)[0]}[{self._constant(index)}]")
        elif _writes(node):
            given = self._operands(node)
            if function in _EXTREMES:
                given = [self._spread(name, node) for name in given]
            out = self._out(place, node)
            self._lines.append(self._call_into(node, given, out))
            self._names[id(node)] = out
        else:
            given = self._operands(node)
            text = f"{self._called(function)}({', '.join(given)}{self._options(node)})"
            self._assign(node, text)
        for key in self._ending(place, node):
            self._free.append(self._memory.pop(key))

    def _add_up(self, node: Node) -> None:
        """Add up what there is of all examples."""
        given = self._operands(node)
        core = node.operands[0].core
        scale = f"{node.options['scale']} * " if "scale" in node.options else ""
        dtype = node.operands[0].dtype
        are_arrays = all(map(_is_array, node.operands))
        few = self._count is Count.FEW or (self._count is Count.ONE and size(core) <= PIECE)
        if self._count is Count.ONE and size(core) == 1 and are_arrays and dtype == node.dtype:
            first = f"[{', '.join('0' for _ in (0, *core))}]"
            self._assign(node, scale + " * ".join(f"{name}{first}" for name in given))
        elif few and can_sum(dtype) and are_arrays:
            first, *others = map(self._flat, node.operands)
            other = others[0] if others else self._filled_with(_ONES, 1.0, core, dtype)
            self._assign(node, f"{scale}{first}.dot({other})")
        elif can_sum(dtype):
            function = sum_of if len(given) == 1 else sum_of_products
            self._assign(node, f"{scale}{self._called(function)}({', '.join(given)})")
        else:
            self._assign(node, f"f_add.reduce({given[0]}, None)")
            self._globals["f_add"] = np.add

    def _take_in(self, place: int, node: Node) -> None:
        """Turn an input over, where vectors are to lie along the first axis."""
        if self._rows_last and node.core:
            given = self._names[id(node)]
            self._names[id(node)] = out = self._out(place, node)
            self._lines.append(f"copyto({out}, {given}.T)")

    def _assign(self, node: Node, text: str) -> None:
        self._names[id(node)] = name = f"t{len(self._lines)}"
        self._lines.append(f"{name} = {text}")

    def _viewed(self, node: Node) -> str:
        """A view of a node as another dtype: of a buffer, of a result, or taken on the spot."""
        (x,) = node.operands
        if id(x) in self._memory:
            return self._seen_as(self._memory[id(x)], node.dtype)
        if id(x) in self._results and self._results[id(x)][1] == node.dtype:
            return self._results[id(x)][0]
        return self._view_of(self._names[id(x)], node.dtype)

    def _view_of(self, name: str, dtype: Any) -> str:
        seen = f"{name}_{dtype.name}"
        line = f"{seen} = {name}.view({self._constant(dtype)})"
        if line not in self._lines:
            self._lines.append(line)
        return seen

    def _call_into(self, node: Node, given: list[str], out: str) -> str:
        function, listed = node.function, ", ".join(given)
        if function == "astype":
            return f'copyto({out}, {listed}, "unsafe")'
        if function == "broadcast":
            return f"copyto({out}, {listed})"
        if function == "concat":
            return f"concatenate(({listed}), out={out}{self._options(node)})"
        if function in _CHANGES:
            if self._blank and id(node) in self._results and constant(node.operands[0]) == 0:
                self._left_blank.add(out)
            elif out != given[0]:
                self._lines.append(f"copyto({out}, {given[0]})")
            return f"{self._called(function)}({', '.join((out, *given[1:]))})"
        if function in _REDUCE:
            reduce = f"{self._called(_REDUCE[function])}.reduce"
            return f"{reduce}({listed}, out={out}{self._options(node)})"
        keyword = "out=" if function in _EXTREMES else ""
        return f"{self._called(function)}({listed}, {keyword}{out})"

    def _operands(self, node: Node) -> list[str]:
        """How the operands are written: by name, or as constants in the dtype they meet."""
        met = [x.dtype for x in node.operands if isinstance(x, Node) and constant(x) is None]
        return [
            self._given(x)
            if constant(x) is None
            else self._constant(_number(constant(x), met[0] if met else None))
            for x in node.operands
        ]

    def _spread(self, name: str, node: Node) -> str:
        """An array for a constant, beside which NumPy's `maximum` takes three times as long."""
        value = self._globals.get(name)
        if value is None:
            return name
        return self._filled_with(name, value, node.core, node.dtype)

    def _filled_with(self, name: str, value: Any, core: tuple[int, ...], dtype: Any) -> str:
        """A buffer that holds one number throughout."""
        key = name, core, dtype
        self._filled.setdefault(key, value)
        return f"w{list(self._filled).index(key)}"

    def _flat(self, x: Node) -> str:
        """The entries of an operand as one line."""
        if not x.core:
            return self._names[id(x)]
        place = self._memory.get(id(x))
        if place is None:
            return f"{self._names[id(x)]}.reshape(-1)"
        return self._seen_as(place, x.dtype, flat=True)

    def _given(self, x: Node) -> str:
        """The name of an operand, of what all examples share in the shape that blocks want."""
        name = self._names[id(x)]
        if not (self._rows_last and not x.rows and x.core):
            return name
        line = f"{name}_column = {name}[:, None]"
        if line not in self._lines:
            self._lines.append(line)
        return f"{name}_column"

    def _result(self, node: Node) -> str:
        value = constant(node)
        return self._names[id(node)] if value is None else self._constant(value)

    def _constant(self, value: Any) -> str:
        # The text of an array would not tell numbers apart that differ in their last digits.
        text = (value.dtype.str, value.tobytes()) if isinstance(value, np.ndarray) else repr(value)
        name = self._constants.setdefault((type(value), text), f"k{len(self._constants)}")
        self._globals[name] = value
        return name

    def _options(self, node: Node) -> str:
        options = node.options
        if self._rows_last and "axis" in options:
            options = {**options, "axis": 0}
        return "".join(f", {name}={value!r}" for name, value in options.items())

    def _called(self, function: Any) -> str:
        name = f"f_{function.__name__}"
        self._globals[name] = function
        return name


def _is_array(x: Any) -> bool:
    """Whether an operand has entries for each example that are not known beforehand."""
    return isinstance(x, Node) and x.rows and constant(x) is None


def _apart(due: int) -> int:
    """A number of bytes as whole lines of the cache, and one more."""
    return (due // LINE + 2) * LINE


def size(core: tuple[int, ...]) -> int:
    """How many entries an array of this shape has."""
    return math.prod(core)


def _writes(node: Node) -> bool:
    """Whether what computes a node writes its entries where one wants them."""
    function = node.function
    return isinstance(function, np.ufunc) or function in _INTO or function in _REDUCE


def _number(value: Any, dtype: Any) -> Any:
    """A constant as an array, which NumPy's functions take in faster than a number."""
    if dtype is None or isinstance(value, np.ndarray):
        return value
    if dtype.kind == "f" or np.result_type(dtype, value) == dtype:
        return np.asarray(value, dtype)
    return value
