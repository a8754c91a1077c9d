"""The most likely sequence of tags, a function that the losses of sequences leave to be found."""

from __future__ import annotations

from typing import Any

from . import backend as backends
from .axes import trail
from .call import as_array
from .loss import Primitive

_SCORES = "[-1e30, 1e30] or -inf"
_HALVES = ("float16", "bfloat16")


def linear_chain_crf_decode(
    emissions: Any, transitions: Any, start: Any = 0.0, end: Any = 0.0, mask: Any = 1.0
) -> Any:
    """The sequence of tags that has the highest score under a linear-chain CRF (Viterbi 1967).

    The arguments are those of `linear_chain_crf_nll`, in shapes (..., T, K), (K, K), (K), (K) and
    (..., T); the result has shape (..., T) and holds integers. Steps that the mask leaves out have
    -1; so have all steps of an example of which a score is NaN, or every sequence is ruled out.
    Of sequences that are equally likely the one is given whose last tag is the lowest, and before
    it again the lowest. It has no gradient.

        >>> import lossapi
        >>> emissions = [[1.0, 0.5], [0.0, 0.25], [2.0, 0.0]]
        >>> lossapi.linear_chain_crf_decode(emissions, [[-1.0, 0.5], [0.5, -1.0]]).tolist()
        [0, 1, 0]

    A. J. Viterbi, Error bounds for convolutional codes and an asymptotically optimum decoding
    algorithm, 1967, doi:10.1109/TIT.1967.1054010.
    """
    given = {"emissions": emissions, "transitions": transitions, "start": start, "end": end}
    backend = backends.find(_viterbi.__name__, [*given.items(), ("mask", mask)])
    for name, value in given.items():
        # The engine's results have the dtype of the scores, and no half holds all integers.
        if hasattr(value, "dtype") and backend.dtype_name(value) in _HALVES:
            given[name] = backend.xp.astype(value, backend.dtypes["float32"])
    if isinstance(emissions, list | tuple):
        given["emissions"] = as_array(_viterbi.__name__, backend, "emissions", emissions)
    tags, xp = _viterbi(**given, mask=mask), backend.xp
    return xp.astype(xp.where(xp.isnan(tags), -1.0, tags), backend.index_dtype)


def _kernel(
    xp: Any, emissions: Any, transitions: Any, start: Any = 0.0, end: Any = 0.0, mask: Any = 1.0
) -> Any:
    """The highest score that ends in each tag, and where it came from; then the way back."""
    kept, index = mask != 0, xp.class_index(start).dtype

    def forth(carry: Any, item: Any) -> Any:
        (best, begun), (scores, kept) = carry, item
        ways = best[..., :, None] + transitions
        came = xp.where(trail(begun, 1), xp.max(ways, axis=-2), start) + scores
        new = xp.where(trail(kept, 1), came, best), begun | kept
        return new, (xp.astype(xp.argmax(ways, axis=-2), index), begun)

    def back(carry: Any, item: Any) -> Any:
        (tag,), (came_from, begun, kept) = carry, item
        before = xp.where(kept & begun, xp.take_class(came_from, tag), tag)
        return (before,), (xp.where(kept, tag, -1),)

    never = start[..., 0] > xp.inf
    by_step = xp.moveaxis(emissions, -2, 0), xp.moveaxis(kept, -1, 0)
    (best, begun), pointers = xp.scan(forth, (xp.zeros_like(start), never), by_step)
    best = best + xp.where(trail(begun, 1), end, 0.0)
    last = xp.astype(xp.argmax(best, axis=-1), index)
    _, (tags,) = xp.scan(back, (last,), (*pointers, by_step[1]), reverse=True)
    top = xp.max(best, axis=-1)
    undefined = trail(xp.isnan(xp.sum(best, axis=-1)) | (top == -xp.inf), 1)
    found = xp.astype(xp.moveaxis(tags, 0, -1), emissions.dtype)
    return xp.where(undefined, xp.nan, found)


def _flat(xp: Any, cotangent: Any, *scores: Any) -> tuple[Any, ...]:
    """Tags do not move with the scores."""
    return tuple(xp.zeros_like(x) for x in scores[:4])


_kernel.__name__ = "linear_chain_crf_decode"
_viterbi = Primitive(
    _kernel,
    "(t,k),(k,k),(k),(k),(t)->(t)",
    {**dict.fromkeys(("emissions", "transitions", "start", "end"), _SCORES), "mask": "mask"},
)
_viterbi.vjp("emissions", "transitions", "start", "end")(_flat)
