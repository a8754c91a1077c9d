"""Pictures are drawn without a screen."""

from __future__ import annotations

import pytest


@pytest.fixture
def axes():
    """Axes of a figure that no window shows."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    from matplotlib.figure import Figure

    return Figure().subplots()
