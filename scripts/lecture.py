"""`meijin lecture`: the lecture's systems, from the perceptron on, alive in one code base."""

from __future__ import annotations

from pathlib import Path

import click

from scripts.agent_options import seed_option


@click.command("lecture")
@click.argument("name", required=False, metavar="[NAME|all]")
@click.option("--quick", is_flag=True, help="The short form: the same with less of everything.")
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("lectures"),
    show_default=True,
    help="Folder for pages and pictures.",
)
@seed_option
@click.option("--notebook", is_flag=True, help="Write NAME.ipynb instead of running it.")
def command(name: str | None, quick: bool, folder: Path, seed: int, notebook: bool) -> None:
    """Run a lecture: it explains, computes, draws its picture and writes a page. No NAME: list.

    Example: meijin lecture perceptron
    """
    from scripts.lectures.registry import names_of

    if name is None:
        _list()
        return
    names = names_of(name)
    failed = []
    try:
        for each in names:
            if notebook:
                _write_notebook(each, folder, quick=quick, seed=seed)
            else:
                claims = _run(each, folder, quick=quick, seed=seed)
                failed += [f"{each}: {claim}" for claim in claims]
    except OSError as error:
        raise click.ClickException(f"cannot write to {folder}: {error}") from error
    if failed:
        raise click.ClickException(f"not as claimed: {'; '.join(failed)}")


def _list() -> None:
    from rich.console import Console
    from rich.table import Table

    from scripts.lectures.registry import LECTURES

    table = Table(box=None, pad_edge=False)
    table.add_column("lecture", no_wrap=True)
    table.add_column("")
    table.add_column("minutes", justify="right")
    for name, lecture in LECTURES.items():
        table.add_row(name, lecture.line, f"{lecture.minutes:g}")
    Console().print(table)
    click.echo("Run one: meijin lecture NAME, or all of them: meijin lecture all")


def _run(name: str, folder: Path, *, quick: bool, seed: int) -> list[str]:
    """Tell one lecture; returns the claims that did not hold."""
    import matplotlib

    from scripts.lectures.registry import run_lecture

    matplotlib.use("Agg")
    page = run_lecture(name, folder=folder, quick=quick, seed=seed)
    click.echo(f"page: {folder / f'{name}.html'}")
    return page.failed_claims


def _write_notebook(name: str, folder: Path, *, quick: bool, seed: int) -> None:
    from scripts.lectures.notebook import notebook_of
    from scripts.lectures.registry import EXTRA_PACKAGES, LectureError, import_lecture

    try:
        import nbformat
    except ModuleNotFoundError:
        raise LectureError(
            f"notebooks need {EXTRA_PACKAGES[-1]}; pip install 'meijin[lecture]'"
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.ipynb"
    nbformat.write(notebook_of(name, import_lecture(name), quick=quick, seed=seed), target)
    click.echo(f"notebook: {target}")
