"""A badge: how many functions are right, as a picture or for a service that draws it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from .matrix import Column

_LABEL = "lossapi"
_COLOURS = {"green": "#2e7d32", "yellow": "#9a6700", "red": "#b3261e", "grey": "#6b7280"}


def svg(shown: Sequence[Column]) -> str:
    """The badge as an SVG picture that needs no font but the reader's."""
    message, colour = _told(shown)
    # Verdana at 11 px is some 7 px a character; the text is fitted to that wherever it is drawn.
    left, right = 7 * len(_LABEL) + 12, 7 * len(message) + 12
    name = escape(f"{_LABEL}: {message}", quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{name}"><title>{name}</title>'
        f'<clipPath id="r"><rect width="{left + right}" height="20" rx="3"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#3b4252"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{_COLOURS[colour]}"/></g>'
        f'<g fill="#fff" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="6" y="14" textLength="{left - 12}">{escape(_LABEL)}</text>'
        f'<text x="{left + 6}" y="14" textLength="{right - 12}">{escape(message)}</text>'
        f"</g></svg>\n"
    )


def endpoint(shown: Sequence[Column]) -> str:
    """The badge as the JSON that shields.io draws."""
    message, colour = _told(shown)
    told = {"schemaVersion": 1, "label": _LABEL, "message": message, "color": _COLOURS[colour]}
    return json.dumps(told) + "\n"


def _told(shown: Sequence[Column]) -> tuple[str, str]:
    """The message and its colour."""
    right = sum(len(column.right) for column in shown)
    judged = sum(len(column.judged) for column in shown)
    verdicts = {column.verdict for column in shown}
    told = f"{right} of {judged} right"
    if any(verdict.startswith("partial") for verdict in verdicts):
        return f"partial, {told}", "grey"
    if not verdicts <= {"conforming", "wrong as expected"}:
        return (told, "red") if judged else ("not judged", "grey")
    return ("conforming", "green") if right == judged else (told, "yellow")
