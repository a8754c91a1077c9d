"""A toy array library with its lossapi adapter, in some sixty lines: what a third party writes."""

import operator

import numpy as np

from lossapi.backend import Backend

float32, float64, int64 = (np.dtype(name) for name in ("float32", "float64", "int64"))
bool = np.dtype("bool")
inf, nan, finfo = np.inf, np.nan, np.finfo


class Array:
    """An array that only this library's own functions accept."""

    def __init__(self, data):
        self.data = np.asarray(data)

    dtype = property(lambda self: self.data.dtype)
    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)

    def __getitem__(self, key):
        return Array(self.data[key])


def _bare(value):
    return value.data if isinstance(value, Array) else value


def _lift(function):
    def lifted(*args, **kwargs):
        with np.errstate(all="ignore"):
            return Array(function(*map(_bare, args), **{k: _bare(v) for k, v in kwargs.items()}))

    return lifted


_OPERATORS = "add sub mul truediv pow and or lt le gt ge eq ne neg invert"
_FUNCTIONS = """
    abs all any argmax broadcast_to exp expand_dims expm1 isfinite isinf isnan log log1p max
    moveaxis ones_like pow reshape sinh sqrt sum take take_along_axis tanh where zeros_like
"""

for _name in _OPERATORS.split():
    _function = getattr(operator, f"__{_name}__")
    setattr(Array, f"__{_name}__", _lift(_function))
    if _name in ("add", "sub", "mul", "truediv", "and"):
        reflected = _lift(lambda a, b, f=_function: f(b, a))
        setattr(Array, f"__r{_name}__", reflected)

for _name in _FUNCTIONS.split():
    globals()[_name] = _lift(getattr(np, _name))


def asarray(value, dtype=None, device=None):
    return Array(np.asarray(_bare(value), dtype=dtype))


def concat(arrays, axis=0):
    return Array(np.concat([array.data for array in arrays], axis=axis))


def ones(shape, dtype=None, device=None):
    return Array(np.ones(shape, dtype=dtype))


def arange(*args, dtype=None, device=None):
    return Array(np.arange(*args, dtype=dtype))


def astype(array, dtype):
    return Array(array.data.astype(dtype))


class ToyBackend(Backend):
    """The adapter: whose arrays these are, and how NumPy sees them."""

    def __init__(self):
        import toyarray

        super().__init__("toyarray", toyarray)

    def recognises(self, kind):
        return issubclass(kind, Array)

    def device(self, array):
        return None

    def is_visible(self, array):
        return True

    def to_numpy(self, array):
        return array.data
