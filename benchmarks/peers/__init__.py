"""What users have today, one module a peer, in it each loss under our name for it.

It takes our inputs, in our order, and our parameters, and gives the mean over the examples. On
PyTorch and JAX it is a function that returns it, and they differentiate. On NumPy it is a
`Contender`, or a function that yields the mean and then its gradients with respect to the inputs
that the case names.
"""

from __future__ import annotations

import importlib
from types import ModuleType

PEERS = {
    "numpy": ("numpy", "scipy", "scikit-learn", "numexpr", "keras", "dense, NumPy"),
    "torch": ("torch.nn.functional", "torch", "dense"),
    "torch.compile": ("torch.nn.functional", "torch", "dense"),
    "jax": ("optax", "jax.numpy", "dense"),
}
"""The peers by the array library on which they run. A bare library is the formula in its terms, and
``dense`` our own loss of the logits."""

_MODULES = {
    "numpy": "numpy_formulas",
    "scipy": "scipy_special",
    "scikit-learn": "sklearn_loss",
    "numexpr": "numexpr_formulas",
    "keras": "keras_losses",
    "torch.nn.functional": "torch_functional",
    "torch": "torch_formulas",
    "optax": "optax_losses",
    "jax.numpy": "jax_formulas",
    "dense": "dense_form",
    "dense, NumPy": "dense_numpy",
}


def load(peer: str) -> ModuleType | str:
    """The functions of a peer, or why there are none here."""
    try:
        return importlib.import_module(f".{_MODULES[peer]}", __name__)
    except ImportError as problem:
        return str(problem)
