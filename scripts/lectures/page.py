"""What a lecture says and shows: on the terminal or in a notebook, and on a page of its own."""

from __future__ import annotations

import html
import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markdown import Markdown
from rich.progress import Progress
from rich.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = (
    "body{max-width:52rem;margin:2rem auto;padding:0 1rem;font:17px/1.55 system-ui,sans-serif}"
    "img{max-width:100%}table{border-collapse:collapse}td,th{padding:.2rem .8rem;border:1px solid "
    "#ccc;text-align:left}code,pre{background:#f4f4f4}figcaption,footer{color:#555}"
)


class Page:
    """The page that a lecture writes while it runs.

    Everything said is printed at once and kept, in order, for ``write``. In a notebook, where the
    explanations are cells of their own, pictures and tables appear under the running cell.

    Attributes:
        name: of the lecture; names of files begin with it.
        failed_claims: what the lecture claimed and its run did not show.
    """

    def __init__(self, name: str, *, folder: Path, in_notebook: bool = False) -> None:
        self.name = name
        self.failed_claims: list[str] = []
        self._folder = folder
        self._in_notebook = in_notebook
        self._parts: list[str] = []  # Markdown, and figures as HTML
        self._console = Console(highlight=False, force_jupyter=False)
        folder.mkdir(parents=True, exist_ok=True)

    def text(self, markdown: str) -> None:
        """Explain something; headings begin with ``##``.

        In a story the argument is a literal, since a notebook makes a cell of it.
        """
        self._parts.append(inspect.cleandoc(markdown))
        self._console.print(Markdown(self._parts[-1], justify="left"))

    def result(self, line: str) -> None:
        """Say what was measured, in one line."""
        self._parts.append(line)
        self._console.print(line, markup=False)

    def claim(self, line: str, *, holds: bool) -> None:
        """Say what was measured and whether it is as the lecture says that it must be."""
        self.result(f"{'✓' if holds else '✗ NOT SO:'} {line}")
        if not holds:
            self.failed_claims.append(line)

    def table(self, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Show rows under a header."""
        lines = [header, ["---"] * len(header), *rows]
        self._parts.append("\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines))
        shown = Table(*header)
        for cells in rows:
            shown.add_row(*map(str, cells))
        self._console.print(shown)

    def figure(self, figure: Figure, name: str, *, caption: str) -> None:
        """Show a Matplotlib figure, kept as ``LECTURE_NAME.png``, and close it."""
        import matplotlib.pyplot as plt

        path = self.path(f"{name}.png")
        figure.savefig(path, dpi=110)
        plt.close(figure)
        self.picture(path, caption=caption)

    def picture(self, path: Path, *, caption: str) -> None:
        """Show a picture file that lies in the folder already, such as an animation."""
        source, below = html.escape(path.name), html.escape(caption)
        self._parts.append(
            f'<figure><img src="{source}" alt="{below}"><figcaption>{below}</figcaption></figure>'
        )
        if self._in_notebook:
            self._display_picture(path)
        else:
            self._console.print(f"picture: {path} ({caption})", markup=False)

    def path(self, name: str) -> Path:
        """Where a file of this lecture belongs: in the folder, with the lecture's name in front."""
        return self._folder / f"{self.name}_{name}"

    def steps(self, what: str, count: int) -> Iterator[int]:
        """Numbers 0 to ``count`` - 1, with a progress bar on standard error in a terminal."""
        if self._in_notebook:
            yield from range(count)
            return
        with Progress(console=Console(stderr=True), transient=True) as bars:
            yield from bars.track(range(count), description=what)

    def write(self, how_made: str) -> Path:
        """Write the page as ``LECTURE.html`` and return where it is.

        Args:
            how_made: goes to its foot.
        """
        from markdown_it import MarkdownIt

        reader = MarkdownIt("commonmark", {"html": True}).enable("table")
        body = reader.render("\n\n".join(self._parts))
        target = self._folder / f"{self.name}.html"
        target.write_text(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{self.name}</title>'
            f"<style>{_STYLE}</style>\n{body}\n<footer><code>meijin lecture {self.name}</code>, "
            f"{html.escape(how_made)}</footer></html>\n",
            encoding="utf-8",
        )
        return target

    def _display_picture(self, path: Path) -> None:
        from IPython.display import Image, display

        shown: Any = Image(filename=str(path))
        display(shown)
