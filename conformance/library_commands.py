"""The commands that take our functions elsewhere: export and support."""

from __future__ import annotations

import os
from pathlib import Path

import click

from .arguments import losses_named


@click.command()
@click.argument("loss")
@click.option("--onnx", "output", metavar="FILE", required=True, help="The model, as an ONNX file.")
@click.option("--opset", type=int, metavar="N", help="The version of ONNX's operators.")
@click.option("--dtype", default="float32", metavar="D", help="Of the model; float32 if not given.")
@click.option(
    "--param", "params", multiple=True, metavar="NAME=V", help="The value of a parameter."
)
@click.option(
    "--size",
    "sizes",
    multiple=True,
    metavar="NAME=N",
    help="How long an axis of the signature is, such as k=10 for ten classes.",
)
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="NAME",
    help="A further input: weights, where, class_weights, a parameter …",
)
@click.option("--reduction", metavar="R", help="none, mean or sum; mean if not given.")
@click.option("--ignore-index", type=int, metavar="N", help="The label to leave out.")
@click.option("--with-gradient", is_flag=True, help="Give the gradient by the first input, too.")
@click.option("--wrt", multiple=True, metavar="NAME", help="Give the gradient by this input, too.")
def export(
    loss: str,
    output: str,
    opset: int | None,
    dtype: str,
    params: tuple[str, ...],
    sizes: tuple[str, ...],
    inputs: tuple[str, ...],
    reduction: str | None,
    ignore_index: int | None,
    with_gradient: bool,
    wrt: tuple[str, ...],
) -> None:
    """Write LOSS as an ONNX model, for any number of examples."""
    from .report import model

    (name,) = losses_named([loss])
    settings = {"reduction": reduction, "ignore_index": ignore_index}
    gradients = wrt or (model.first_gradient(name) if with_gradient else ())
    try:
        ends = model.write(
            name,
            Path(output),
            params=params,
            sizes=sizes,
            inputs=inputs,
            wrt=gradients,
            settings={key: value for key, value in settings.items() if value is not None},
            dtype=dtype,
            opset=opset,
        )
    except OSError as problem:
        raise _unwritten(output, problem) from None
    click.echo(f"wrote {output}: {ends}")


def _unwritten(output: str, problem: OSError) -> click.UsageError:
    """What is said of a file that cannot be written."""
    why = problem.strerror or problem
    return click.UsageError(f"{output} cannot be written: {why}; give another file")


@click.command()
@click.argument("libraries", metavar="[LIBRARY]...", nargs=-1)
@click.option("--loss", "losses", multiple=True, metavar="NAME", help="Only this function.")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Processes to run in.")
@click.option("-o", "--output", metavar="FILE", help="A Markdown file; without it, the terminal.")
def support(
    libraries: tuple[str, ...], losses: tuple[str, ...], jobs: int | None, output: str | None
) -> None:
    """Run every function on every library, and write down in a table what works."""
    from .report import support as report
    from .report.files import put

    names = losses_named(losses)
    workers = min(jobs or os.cpu_count() or 1, len(names))
    table = report.run(names, libraries or report.sources(), workers, _counted)
    text = report.markdown(table, names)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        put(Path(output), text.encode())
    except OSError as problem:
        raise _unwritten(output, problem) from None
    click.echo(f"wrote {output}")


def _counted(done: int, total: int, loss: str) -> None:
    click.echo(f"[{done}/{total}] {loss}", err=True)
