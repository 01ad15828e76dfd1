"""`meijin check`: the pre-flight proof of a game, red or green."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from engine.orchestration.local import Link
    from engine.preflight.proof import Begun, Finding

_TICK_SECONDS = 0.05
_PATIENCE = 10.0  # seconds over a step's own limit: the process may be starting up


@click.command("check")
@click.argument("game")
@click.option("--json", "as_json", is_flag=True, help="The lines as JSON for programs.")
def command(game: str, as_json: bool) -> None:
    """Prove that GAME, a file of your own or a name, keeps every law that games keep.

    It runs the rules in plain Python and compiled, in random games, and tries search and learning
    on them, in about a minute. A red line says which function broke which law, in which position,
    and what to mend; the exit code is then 1.

    Examples:
      meijin check mygame.py

      meijin check "mygame.py(width=6)" --json
    """
    from engine.preflight.proof import Finding, Proof

    game_id = Proof(game).id  # a file that is missing or no game is refused here, in one line
    console = Console(soft_wrap=True, highlight=False)
    findings: list[Finding] = []
    begin = time.monotonic()
    live = console.is_terminal and not as_json
    with console.status("") if live else contextlib.nullcontext() as status:
        for message in _in_a_process(game):
            if isinstance(message, Finding):
                part = findings[-1].part if findings else ""
                findings.append(message)
                if not as_json:
                    _show(console, message, new_part=message.part != part)
            elif status is not None:
                status.update(f"{message.part}: {message.name}")
    green = all(finding.green for finding in findings)
    seconds = time.monotonic() - begin
    if as_json:
        rows = [{**asdict(finding), "green": finding.green} for finding in findings]
        facts = {"game": game_id, "green": green, "seconds": round(seconds, 1), "lines": rows}
        click.echo(json.dumps(facts, indent=1))
    else:
        _conclude(console, findings, seconds)
    sys.exit(0 if green else 1)


def _in_a_process(game: str) -> Iterator[Begun | Finding]:
    """The proof in a process of its own: rules that crash or never come back end it, not us."""
    from engine.orchestration.local import LocalPart
    from engine.preflight.proof import PLAIN, Begun, Fault, Finding

    part = LocalPart("check", _prove, game)
    last = Begun(PLAIN, "the file runs, its facts fit", 60.0)
    since = time.monotonic()

    def broken(got: str, hint: str) -> Finding:
        fault = Fault(where=game, expected=f"{last.name}: an answer", got=got, hint=hint)
        return Finding(last.part, last.name, fault=fault, seconds=time.monotonic() - since)

    try:
        while True:
            alive = part.alive
            for message in part.receive():
                if message is None:
                    return
                if isinstance(message, Begun):
                    last, since = message, time.monotonic()
                assert isinstance(message, (Begun, Finding))
                yield message
            if not alive:
                code = part.exit_code or 0
                if code >= 0:
                    raise click.ClickException("the check itself failed; its message stands above")
                yield broken(
                    f"the process was ended by signal {-code}",
                    "compiled rules wrote outside an array, most likely",
                )
                return
            if time.monotonic() - since > last.seconds + _PATIENCE:
                yield broken(
                    f"nothing has come back for {last.seconds:g} seconds",
                    "a loop in the rules never ends for some position",
                )
                return
            time.sleep(_TICK_SECONDS)
    finally:
        part.kill()


def _prove(link: Link, game: str) -> None:
    """In the process: send every message of the proof, and None at the end."""
    from engine.preflight.proof import Proof

    for message in Proof(game).run():
        link.send(message)
    link.send(None)


def _show(console: Console, finding: Finding, *, new_part: bool) -> None:
    """One line, and under a red one why."""
    if new_part:
        console.print(Text(finding.part, style="bold"))
    mark = Text(" green " if finding.green else " RED   ", "green" if finding.green else "bold red")
    console.print(Text.assemble(mark, f"{finding.name:40} ", (finding.note, "dim")))
    fault = finding.fault
    if fault is None:
        return
    for label, text in (
        ("where", fault.where),
        ("expected", fault.expected),
        ("got", fault.got),
        ("position", fault.position),
        ("moves", fault.moves or ("none: the start position" if fault.position else "")),
        ("hint", fault.hint),
    ):
        lines = text.splitlines()
        for number, line in enumerate(lines):
            heading = f"{label}:" if number == 0 else ""
            console.print(Text.assemble(" " * 7, (f"{heading:10} ", "bold"), line))


def _conclude(console: Console, findings: list[Finding], seconds: float) -> None:
    """The last line: all green, or how many are red and what was left out."""
    from engine.preflight.proof import PARTS

    red = sum(not finding.green for finding in findings)
    if not red:
        text = Text(f"All {len(findings)} lines are green, in {seconds:.0f} s.", "bold green")
    else:
        left = [part for part in PARTS if part not in {each.part for each in findings}]
        rest = f"; not tried before they are mended: {', '.join(left)}" if left else ""
        text = Text(
            f"{red} of {len(findings)} lines are red, in {seconds:.0f} s{rest}.", "bold red"
        )
    console.print(text)
