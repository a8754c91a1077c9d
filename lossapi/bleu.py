"""How much of a sequence of tokens its references have too: a score, and no loss."""

from __future__ import annotations

from typing import Any

from . import backend as backends
from .binding import as_integer, is_number
from .call import as_array
from .domain import Domain
from .errors import DTypeError, ParameterError, ShapeError
from .validation import is_integer

SMOOTHING = ("none", "add_k", "exp")
_NAME = "bleu_score"


def bleu_score(
    candidate: Any,
    references: Any,
    *,
    candidate_mask: Any = None,
    reference_mask: Any = None,
    max_order: int = 4,
    smoothing: str = "none",
    k: float = 1.0,
    brevity_penalty: bool = True,
    corpus: bool = False,
) -> Any:
    """The bilingual evaluation understudy: a penalty for shortness times a mean of precisions.

    ``B · exp(Σ log pₙ / N)`` for n from 1 to N = ``max_order``. pₙ is the share of the candidate's
    n-grams that a reference has, each counted at most as often as in the reference that has it
    most often. B is 1, or exp(1 - r/c) where the candidate's length c is below that of the
    reference nearest in length, r; the shorter of two as near. It is 0 where a precision is, as
    for every candidate of fewer than N tokens.

    ``candidate`` holds integers of shape (..., T) and ``references`` of shape (..., R, S): R
    references for each. Masks of these shapes are true at tokens and false at padding; a reference
    that is padding throughout is none. With ``smoothing="add_k"``, k is added to matches and
    n-grams for n from 2 on; with "exp" the i-th precision without a match is 1 / 2ⁱ of an n-gram,
    unless no token matches. With ``corpus=True`` matches, n-grams and lengths are summed over all
    sequences first and the score is one number; the mean of single scores is another.

    The result has the library's default floating dtype and shape (...); it has no gradient. The
    score is from 0 to 1: others give 100 times that. ``ShapeError``, ``DTypeError`` and
    ``ParameterError`` say what is accepted.

        >>> import lossapi
        >>> float(lossapi.bleu_score([1, 2, 3, 4, 5], [[1, 2, 3, 4, 6]], max_order=2))
        0.774596...

    K. Papineni, S. Roukos, T. Ward, W.-J. Zhu, BLEU: a method for automatic evaluation of machine
    translation, 2002, doi:10.3115/1073083.1073135. B. Chen, C. Cherry, A systematic comparison of
    smoothing techniques for sentence-level BLEU, 2014, doi:10.3115/v1/W14-3346.
    """
    order = as_integer(_NAME, "max_order", max_order)
    if order < 1 or isinstance(max_order, bool):
        raise ParameterError(f"{_NAME}: max_order is {max_order!r}; accepted is an integer from 1.")
    if smoothing not in SMOOTHING:
        raise ParameterError(
            f"{_NAME}: smoothing is {smoothing!r}; accepted are {', '.join(map(repr, SMOOTHING))}."
        )
    if isinstance(k, bool) or not is_number(k) or k not in Domain("(0, inf)"):
        raise ParameterError(f"{_NAME}: k is {k!r}; accepted is a number in (0, inf).")
    given = {"candidate": candidate, "references": references}
    masks = {"candidate_mask": candidate_mask, "reference_mask": reference_mask}
    given |= {name: mask for name, mask in masks.items() if mask is not None}
    backend = backends.find(_NAME, given.items())
    arrays = {name: _whole(backend, name, value) for name, value in given.items()}
    backends.check_devices(_NAME, backend, arrays.items())
    _check_shapes(arrays)
    xp = backend.xp
    tokens, others = arrays["candidate"], arrays["references"]
    kept = arrays.get("candidate_mask", xp.ones_like(tokens)) != 0
    kept_others = arrays.get("reference_mask", xp.ones_like(others)) != 0
    counts = _counted(backend, tokens, others, kept, kept_others, order)
    length, nearest = _lengths(backend, kept, kept_others)
    if corpus:
        counts = [(_total(xp, matches), _total(xp, grams)) for matches, grams in counts]
        length, nearest = _total(xp, length), _total(xp, nearest)
    form = backend.asarray(0.0).dtype
    pairs = [(xp.astype(m, form), xp.astype(n, form)) for m, n in counts]
    score = _mean(xp, pairs, smoothing, k)
    if not brevity_penalty:
        return score
    short = xp.astype(nearest, form) / xp.astype(xp.where(length > 0, length, 1), form)
    return score * xp.where(length < nearest, xp.exp(1.0 - short), xp.ones_like(score))


def _whole(backend: Any, name: str, value: Any) -> Any:
    """An argument as an array of integers."""
    if isinstance(value, list | tuple):
        value = as_array(_NAME, backend, name, value)
    kind = backend.dtype_name(value)
    if not is_integer(kind):
        what = "integers or bools" if name.endswith("mask") else "integers, one for each token"
        raise DTypeError(f"{_NAME}: {name} has dtype {kind}; accepted are {what}.")
    return backend.xp.astype(value, backend.index_dtype)


def _check_shapes(arrays: dict[str, Any]) -> None:
    shapes = {name: tuple(array.shape) for name, array in arrays.items()}
    candidate, references = shapes["candidate"], shapes["references"]
    if not candidate or len(references) < 2 or references[:-2] != candidate[:-1]:
        raise ShapeError(
            f"{_NAME}: candidate has shape {candidate} and references {references}; accepted are "
            f"(..., T) and (..., R, S), R references for each candidate."
        )
    for mask, of in (("candidate_mask", "candidate"), ("reference_mask", "references")):
        if shapes.get(mask, shapes[of]) != shapes[of]:
            raise ShapeError(
                f"{_NAME}: {mask} has shape {shapes[mask]}; accepted is that of {of}, {shapes[of]}."
            )


def _counted(
    backend: Any, tokens: Any, others: Any, kept: Any, kept_others: Any, order: int
) -> list[tuple[Any, Any]]:
    """For each n the clipped matches, and how many n-grams there are."""
    xp, whole = backend.xp, backend.index_dtype
    own = tokens[..., :, None] == tokens[..., None, :]
    shared = tokens[..., None, :, None] == others[..., :, None, :]
    shared = shared & kept[..., None, :, None] & kept_others[..., :, None, :]
    same, found, whole_gram = own, shared, kept
    counts: list[tuple[Any, Any]] = []
    for n in range(order):
        if n:
            same = same[..., :-1, :-1] & own[..., n:, n:]
            found = found[..., :-1, :-1] & shared[..., n:, n:]
            whole_gram = whole_gram[..., :-1] & kept[..., n:]
        if 0 in whole_gram.shape[-1:]:
            nothing = xp.sum(xp.zeros_like(tokens), axis=-1)
            counts.append((nothing, nothing))
            continue
        # An n-gram counts if no more of its kind came up to it than some reference has.
        place = backend.class_index(whole_gram)
        before = same & (place <= place[:, None]) & whole_gram[..., None, :]
        rank = xp.sum(xp.astype(before, whole), axis=-1)
        known = xp.sum(xp.astype(found, whole), axis=-1)
        most = xp.max(known, axis=-2) if known.shape[-2] else xp.zeros_like(rank)
        matches = xp.sum(xp.astype(whole_gram & (rank <= most), whole), axis=-1)
        counts.append((matches, xp.sum(xp.astype(whole_gram, whole), axis=-1)))
    return counts


def _lengths(backend: Any, kept: Any, kept_others: Any) -> tuple[Any, Any]:
    """The length of each candidate, and of the reference nearest to it in length."""
    xp, whole = backend.xp, backend.index_dtype
    length = xp.sum(xp.astype(kept, whole), axis=-1)
    lengths = xp.sum(xp.astype(kept_others, whole), axis=-1)
    if 0 in lengths.shape[-1:]:
        return length, xp.zeros_like(length)
    gap = lengths - length[..., None]
    base = kept_others.shape[-1] + 1
    key = xp.where(gap < 0, -gap, gap) * base + lengths
    key = xp.where(lengths > 0, key, (kept.shape[-1] + base) * base)
    return length, xp.min(key, axis=-1) % base


def _total(xp: Any, count: Any) -> Any:
    return xp.sum(xp.reshape(count, (-1,)), axis=-1)


def _mean(xp: Any, pairs: list[tuple[Any, Any]], smoothing: str, k: float) -> Any:
    """The geometric mean of the precisions."""
    total = xp.zeros_like(pairs[0][0])
    vanishes = pairs[0][0] == 0
    share = xp.ones_like(total)
    for n, pair in enumerate(pairs):
        matches, grams = pair
        if smoothing == "add_k" and n:
            matches, grams = matches + k, grams + k
        if smoothing == "exp":
            missing = (matches == 0) & (grams > 0)
            share = xp.where(missing, 0.5 * share, share)
            matches = xp.where(missing, share, matches)
        precision = matches / xp.where(grams > 0, grams, xp.ones_like(grams))
        vanishes = vanishes | (precision == 0)
        total = total + xp.log(xp.where(precision > 0, precision, xp.ones_like(precision)))
    return xp.where(vanishes, xp.zeros_like(total), xp.exp(total / len(pairs)))
