"""The commands of ``lossapi``: list, show, choose, plot and spec; others are added here."""

from __future__ import annotations

from pathlib import Path

import click

from . import check_command, library_commands, report_commands
from .arguments import losses_named, names_known
from .finding import unknown


class Group(click.Group):
    """A group that helps with a mistyped command."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named first."""
        if args and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(unknown("command", args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lossapi", message="lossapi %(version)s")
def cli() -> None:
    """The loss functions of machine learning, on any array library."""


@cli.command("list")
@click.option("--family", help="Only the functions of this family.")
def list_(family: str | None) -> None:
    """List the functions by family, each with one sentence."""
    from .oracle.specfile import load_spec, spec_names

    specs = [load_spec(name) for name in spec_names()]
    rows = [(spec.family, spec.name, spec.data["summary"]) for spec in specs]
    families = sorted({of for of, _, _ in rows})
    for shown in names_known("family", [family] if family else families, families):
        click.echo(shown)
        for of, name, summary in sorted(rows):
            if of == shown:
                click.echo(f"  {name:<30} {summary}")


@cli.command()
@click.argument("loss")
def show(loss: str) -> None:
    """Print the reference page of LOSS."""
    from .oracle.specfile import load_spec
    from .reference.pages import render

    (name,) = losses_named([loss])
    click.echo(render(load_spec(name)), nl=False)


@cli.command()
@click.argument("problem", required=False)
@click.option("--imbalance", metavar="ANSWER", help="How rare the rarest class is.")
@click.option("--noise", metavar="ANSWER", help="Whether labels are wrong, or how targets scatter.")
@click.option("--outliers", metavar="ANSWER", help="Whether some targets lie far off.")
def choose(
    problem: str | None, imbalance: str | None, noise: str | None, outliers: str | None
) -> None:
    """Recommend losses for PROBLEM, the best first; without one, list problems and answers."""
    from .report import choice

    if problem is None:
        if any((imbalance, noise, outliers)):
            raise click.UsageError(
                "the answers need a problem; give one of those that `lossapi choose` lists"
            )
        click.echo(choice.overview())
        return
    given = {"imbalance": imbalance, "noise": noise, "outliers": outliers}
    click.echo(choice.answer(problem, given))


@cli.command()
@click.argument("loss")
@click.option(
    "--param",
    "given",
    multiple=True,
    metavar="NAME=V,V…",
    help="Values of a parameter, or of another input; a curve for each.",
)
@click.option(
    "--input", "wrt", metavar="NAME", help="The input along which; the first if not given."
)
@click.option(
    "--range", "ends", type=(float, float), metavar="FROM TO", help="From where to where."
)
@click.option(
    "--show",
    "faces",
    multiple=True,
    metavar="FACE",
    help="values, gradient or curvature; the first two if not given.",
)
@click.option("-o", "--output", metavar="FILE", required=True, help="The picture, as .png, .svg ….")
def plot(
    loss: str,
    given: tuple[str, ...],
    wrt: str | None,
    ends: tuple[float, float] | None,
    faces: tuple[str, ...],
    output: str,
) -> None:
    """Draw the curve of LOSS along an input, with its gradient and its kinks."""
    from .report import picture

    (name,) = losses_named([loss])
    shown = names_known("face", faces, picture.FACES) or list(picture.FACES[:2])
    try:
        picture.write(name, picture.values(name, given), wrt, ends, shown, Path(output))
    except OSError as problem:
        raise click.UsageError(
            f"{output} cannot be written: {problem.strerror or problem}; give another file"
        ) from None
    click.echo(f"wrote {output}")


@cli.group(cls=Group)
def spec() -> None:
    """Build and verify what is generated from the specification."""


@spec.command()
@click.argument("losses", metavar="[NAME]...", nargs=-1)
def build(losses: tuple[str, ...]) -> None:
    """Write golden values, reference pages and stubs."""
    from .oracle import golden
    from .reference import pages, selection, stubs

    for name in losses_named(losses):
        for path in (*golden.build([name]), *pages.build([name])):
            click.echo(f"wrote {_shown(path)}")
    for path in (selection.build(), stubs.build()):
        click.echo(f"wrote {_shown(path)}")


@spec.command()
@click.argument("losses", metavar="[NAME]...", nargs=-1)
def verify(losses: tuple[str, ...]) -> None:
    """Check definitions numerically, and that everything generated is up to date."""
    from .oracle import golden
    from .reference import pages, selection, stubs

    names = losses_named(losses)
    count = 0
    for name in names:
        problems = [*golden.verify([name]), *pages.verify([name])]
        for problem in problems:
            click.echo(problem)
        count += len(problems)
        if not problems:
            click.echo(f"{name}: verified")
    for problem in (*stubs.verify(), *pages.leftovers(), *selection.verify()):
        click.echo(problem)
        count += 1
    if count:
        click.echo(f"{count} problems")
    raise SystemExit(1 if count else 0)


@spec.command()
@click.option("-o", "--output", metavar="FILE", default="lossapi-spec.json", show_default=True)
def bundle(output: str) -> None:
    """Write all specifications and golden values as one JSON file."""
    from .reference import bundle as bundles

    bundles.write(Path(output))
    click.echo(f"wrote {output}")


def _shown(path: Path) -> str:
    """A path from here, where it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


cli.add_command(check_command.check)
cli.add_command(library_commands.export)
cli.add_command(library_commands.support)
cli.add_command(report_commands.report)
cli.add_command(report_commands.compare)
