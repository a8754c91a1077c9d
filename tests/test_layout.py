"""The house rules that no reader should have to check: who imports whom, and at what cost."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "lossapi": "lossapi",
    "backends": "lossapi.backends",
    "conformance": "lossapi.conformance",
}
LIBRARIES = ("torch", "jax", "cupy", "dask", "mlx", "ndonnx")


def modules() -> list[Path]:
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The absolute names of everything a module imports, at any depth."""
    folder = path.relative_to(ROOT).parts[0]
    package = [*FOLDERS[folder].split("."), *path.relative_to(ROOT / folder).parts[:-1]]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            found |= {start, *(f"{start}.{alias.name}" for alias in node.names)}
    return found


def reaches(names: set[str], *prefixes: str) -> set[str]:
    return {n for n in names for p in prefixes if n == p or n.startswith(f"{p}.")}


def test_every_folder_with_modules_is_installed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = set(settings["tool"]["setuptools"]["packages"])
    for path in modules():
        folder, *rest = path.relative_to(ROOT).parent.parts
        assert ".".join([FOLDERS[folder], *rest]) in listed


def test_every_file_of_the_html_report_is_installed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = settings["tool"]["setuptools"]["package-data"]["lossapi.conformance"]
    for path in (ROOT / "conformance" / "report" / "html").iterdir():
        assert f"**/*{path.suffix}" in listed


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_each_folder_imports_only_what_it_may(path: Path) -> None:
    names = imported(path)
    place = path.relative_to(ROOT)
    if place == Path("lossapi/cli.py"):
        return
    if place.parts[0] == "lossapi":
        assert not reaches(names, "lossapi.backends", "lossapi.conformance")
        assert not reaches(names, *LIBRARIES)
    if place.parts[0] == "backends":
        assert not reaches(names, "lossapi.conformance")
        own = place.stem.partition("_")[0]  # jax_blocks is a part of jax
        assert not reaches(names, *(name for name in LIBRARIES if name != own))
    if place.parts[0] == "conformance":
        assert not reaches(names, "lossapi.cli")


MADE_OF = {
    "adversarial": ("lossapi.losses.transport",),
    "linear": ("lossapi.losses.multiclass",),
    "reinforcement": ("lossapi.losses.information",),
    "sampled_sequences": ("lossapi.losses.reinforcement",),
    "info_nce": ("lossapi.losses.distance", "lossapi.losses.temperature"),
    "sequence": ("lossapi.losses.multiclass",),
}
"""Kernels that call the kernel of another loss."""


def test_kernels_import_only_primitives_and_the_decorators() -> None:
    for path in (ROOT / "lossapi" / "losses").glob("[!_]*.py"):
        allowed = {"math", "lossapi", "lossapi.primitives", "lossapi.special", "lossapi.box_pair"}
        allowed |= {"lossapi.class_axis", "lossapi.lengths", "lossapi.mask_pair"}
        allowed |= {"lossapi.sample_pair", "lossapi.two_classes", "lossapi.weighted_terms"}
        allowed |= {"lossapi.transport_program", "lossapi.transport_program.solved"}
        allowed |= {"lossapi.loss", "lossapi.loss.loss", "lossapi.loss.primitive"}
        names = imported(path)
        allowed |= reaches(names, "typing", "lossapi.primitives", "lossapi.log_domain")
        allowed |= reaches(names, *MADE_OF.get(path.stem, ()))
        assert names <= allowed, path.name


def test_importing_lossapi_loads_no_array_library_and_no_extra() -> None:
    unwanted = (
        *LIBRARIES,
        "numpy",
        "matplotlib",
        "yaml",
        "mpmath",
        "hypothesis",
        "click",
        "rich",
        "jsonschema",
    )
    code = f"import lossapi, sys; print([m for m in {unwanted} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "path",
    [
        *modules(),
        *(p for f in ("benchmarks", "examples") for p in sorted((ROOT / f).rglob("*.py"))),
    ],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_no_module_is_longer_than_a_reader_can_hold(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 500
