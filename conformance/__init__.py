"""The proof that an implementation computes what the specification says.

From pytest, a test for each kind of check::

    from lossapi.conformance import parametrize

    @parametrize("huber_loss")
    def test_mine(judge):
        judge(my_function)

or all in one: ``check("huber_loss", my_function)``.
"""

from __future__ import annotations

from .api import check, parametrize
from .backend_subject import BackendSubject
from .function_subject import FunctionSubject
from .protocol.client import HarnessSubject
from .subject import Request, Response, Subject, Traits, Unsupported

__all__ = [
    "BackendSubject",
    "FunctionSubject",
    "HarnessSubject",
    "Request",
    "Response",
    "Subject",
    "Traits",
    "Unsupported",
    "check",
    "parametrize",
]
