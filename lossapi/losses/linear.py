"""Losses of the logits that a linear layer makes, of which a block of rows is held at a time."""

from typing import Any, NamedTuple

from ..loss import loss
from ..primitives import entries
from .multiclass import sparse_softmax_cross_entropy as of_logits

_LIMIT = "[-1e14, 1e14]"
"""A thousand products of two such numbers do not reach half the spacing of the largest float32."""
_LEAST_BLOCK, _LARGEST_BLOCK = 2**18, 2**22
"""Logits in a block: fewer take more calls, and more take memory."""
_ENOUGH_ROWS = 128
"""With so many rows a block is worth a pass over the gradient of the weights."""
_CORES = {"features": 1, "labels": 0, "cotangent": 0, "weight": 2, "bias": 1}


@loss(
    "(d),(k,d),(),(k)->()",
    features=_LIMIT,
    weight=_LIMIT,
    labels="labels",
    label_smoothing="[0, 1]",
)
def linear_cross_entropy(xp, features, weight, labels, bias=0.0, *, label_smoothing=0.0):
    """The negative log-likelihood of a label under the softmax of a linear layer's output."""

    def step(block):
        losses, _ = block.cross_entropy(xp, None, label_smoothing)
        return (losses,), ()

    (losses,), _ = _in_blocks(xp, step, features, labels, weight, bias)
    return losses


@linear_cross_entropy.pullback("features", "weight", "bias")
def _(xp, wrt, cotangent, features, weight, labels, bias, *, label_smoothing):
    def step(block):
        losses, slopes = block.cross_entropy(xp, "logits", label_smoothing)
        found = {name: block.pulled_back(xp, name, slopes) for name in wrt}
        own = [gradient for name, gradient in found.items() if name not in shared]
        return (losses, *own), [found[name] for name in found if name in shared]

    ranks = {"weight": weight.ndim, "bias": bias.ndim}
    shared = [name for name, rank in ranks.items() if rank == _CORES[name]]
    (losses, *own), sums = _in_blocks(xp, step, features, labels, weight, bias, cotangent)
    found = {name: (sums if name in shared else own).pop(0) for name in dict.fromkeys(wrt)}
    if "bias" in found and "bias" in shared:
        found["bias"] = found["bias"][:, 0]
    return losses, tuple(found[name] for name in wrt)


class _Block(NamedTuple):
    """Examples along the first axis, and a layer of theirs each or for all of them."""

    features: Any
    labels: Any
    weight: Any
    bias: Any
    cotangent: Any = None

    def shares(self, name):
        """Whether an input is one for all examples."""
        return getattr(self, name).ndim == _CORES[name]

    def logits(self, xp):
        """The output of the layer."""
        if self.shares("weight"):
            return xp.affine(self.features, self.weight, self.bias)
        return xp.matmul(self.weight, self.features[..., None])[..., 0] + self.bias

    def cross_entropy(self, xp, wrt, label_smoothing):
        """The losses, and their slopes by the logits, if these are asked for."""
        inputs = self.logits(xp), self.labels
        return xp.of_each(of_logits, inputs, wrt, label_smoothing=label_smoothing)

    def pulled_back(self, xp, name, slopes):
        """The gradient by an input from that by the logits: a product where it is shared."""
        weighs = self.cotangent[:, None]
        if name == "features":
            if self.shares("weight"):
                return weighs * xp.matmul(slopes, self.weight)
            return weighs * xp.matmul(slopes[:, None, :], self.weight)[:, 0, :]
        # The weights of the examples multiply what is smaller than the slopes.
        if name == "weight":
            rows = weighs * self.features
            if self.shares(name):
                return slopes, rows
            return slopes[:, :, None] * rows[:, None, :]
        return (slopes, weighs) if self.shares(name) else weighs * slopes


def _in_blocks(xp, step, features, labels, weight, bias, cotangent=None):
    """What a step gives on blocks of the examples: their own results, and sums over all."""
    given = {"features": features, "labels": labels, "weight": weight, "bias": bias}
    given |= {} if cotangent is None else {"cotangent": cotangent}
    loops = [tuple(x.shape[: x.ndim - _CORES[name]]) for name, x in given.items()]
    loop = max(loops, key=len)
    shared = {n: given[n] for n in ("weight", "bias") if given[n].ndim == _CORES[n]}
    rows = {
        name: _flat(xp, array, loop, _CORES[name])
        for name, array in given.items()
        if name not in shared
    }
    classes = weight.shape[-2]
    size = max(1, min(_ENOUGH_ROWS, _LARGEST_BLOCK // classes), _LEAST_BLOCK // classes)
    own, sums = xp.over_rows(lambda block: step(_Block(**block)), shared, rows, size)
    return [xp.reshape(x, (*loop, *x.shape[1:])) for x in own], sums


def _flat(xp, array, loop, core):
    """An array with all examples along one axis."""
    shape = tuple(array.shape[array.ndim - core :])
    return xp.reshape(xp.broadcast_to(array, (*loop, *shape)), (entries(loop), *shape))
