"""The kernels, a module for each family of losses; importing this package declares them all."""

import pkgutil
from importlib import import_module

from ..loss import registry

for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["registry"]
