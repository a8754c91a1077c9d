"""Files that are whole or not there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def put(place: Path, content: bytes) -> None:
    """Write beside the place and move there, so that no half file is ever seen."""
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=".lossapi-", suffix=place.suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)  # that of any other new file; a temporary one is private
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
