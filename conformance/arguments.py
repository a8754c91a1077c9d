"""Names that a command is given, looked up among those that are known."""

from __future__ import annotations

from collections.abc import Sequence

import click

from .finding import unknown


def names_known(kind: str, came: Sequence[str], accepted: Sequence[str]) -> list[str]:
    """The names without repetition; a usage error for one that is not known."""
    for name in came:
        if name not in accepted:
            raise click.UsageError(unknown(kind, name, accepted))
    return list(dict.fromkeys(came))


def losses_named(came: Sequence[str]) -> list[str]:
    """These functions, or all that have a specification."""
    from .oracle.specfile import spec_names

    return names_known("loss", came, spec_names()) or spec_names()
