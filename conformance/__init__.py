"""The proof that an implementation computes what the specification says.

From pytest::

    from lossapi.conformance import check

    def test_mine():
        check("huber_loss", my_function)
"""

from __future__ import annotations

from .api import check
from .backend_subject import BackendSubject
from .function_subject import FunctionSubject
from .subject import Request, Response, Subject, Traits, Unsupported

__all__ = [
    "BackendSubject",
    "FunctionSubject",
    "Request",
    "Response",
    "Subject",
    "Traits",
    "Unsupported",
    "check",
]
