"""Deep Blue: a dictionary of moves, brute force, a dictionary again (Campbell, Hoane, Hsu 2002)."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from agents.arena.intervals import wilson_interval
from agents.arena.match import MatchResult, play_match
from agents.deep_blue.book import book_from_games, read_book, write_book
from agents.deep_blue.engine import Engine
from agents.deep_blue.kernels.moves import count_lines
from agents.deep_blue.mate_suite import MATES_IN_THREE, PLIES
from agents.exact.chess_tables import ChessTables, material_named
from agents.exact.kernels.chess_tables import VOID, men_at
from agents.factory import make_agent
from games import make
from games.chess_text import Position, fen
from scripts.lectures.page import Page

MIDDLE_GAME = "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1"
GAMES = "/usr/games"  # where Debian puts programs that play, outside the usual path
#: Longest mates in moves, the stronger side to move (Thompson 1986).
LONGEST = {"KQK": 10, "KRK": 16}
#: King and rook against king, black to move: positions by white's moves to mate, 0 to 16, and
#: draws (Bain and Hoff 1994, in the UCI repository: "Chess (King-Rook vs. King)", 28,056 rows).
KRK_COUNTS = (
    27, 78, 246, 81, 198, 471, 592, 683, 1433, 1712, 1985, 2854, 3597, 4194, 4553, 2166, 390,
)  # fmt: skip
KRK_DRAWS = 2796


def draw_growth(lines: list[int], nodes: list[int]) -> Figure:
    """Positions by depth: all lines of play, and those that the search looked at."""
    figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
    axis.semilogy(range(1, len(lines) + 1), lines, "o-", label="all lines of play")
    axis.semilogy(range(1, len(nodes) + 1), nodes, "s-", label="positions searched")
    axis.set(xlabel="plies", ylabel="positions")
    axis.legend()
    return figure


def draw_endings(mates: dict[str, np.ndarray], board: np.ndarray) -> Figure:
    """Histograms of distances to mate, and one king's distances on the board ``[8, 8]``."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for shift, (name, moves) in enumerate(mates.items()):
        counts = np.bincount(moves)
        left.bar(np.arange(len(counts)) + 0.4 * shift, counts, 0.4, label=name)
    left.set(xlabel="moves to mate, the stronger side to move", ylabel="positions")
    left.legend()
    picture = right.imshow(board, cmap="viridis")
    for row, column in np.argwhere(board > 0):
        right.text(column, row, str(int(board[row, column])), ha="center", va="center", color="w")
    right.set(title="moves to mate by the black king's square", xticks=[], yticks=[])
    right.text(0, 7, "K", ha="center", va="center", weight="bold", fontsize=14)
    right.text(0, 6, "R", ha="center", va="center", weight="bold", fontsize=14)
    figure.colorbar(picture, ax=right)
    return figure


def score_line(name: str, result: MatchResult) -> tuple[list[object], bool]:
    """One row of a table of matches, and whether the interval lies above one half."""
    total = result.total
    low, high = wilson_interval(total.score * total.games, total.games)
    row = [name, total.wins, total.draws, total.losses, f"{low:.0%} to {high:.0%}"]
    return row, low > 0.5


def story(page: Page, *, quick: bool, seed: int) -> None:
    """Brute force, mates, both dictionaries, and games."""
    page.text("""
        ## Brute force

        Shannon (1950) counted: thirty moves in a position make a tree that nobody searches to its
        end. Alpha-beta (Knuth and Moore 1975) passes over whatever cannot change the answer: at
        best the square root of all lines is left. A hash table remembers positions, iterative
        deepening puts the best moves first, quiescence plays captures out before it judges, and a
        check is looked at a ply deeper. Deep Blue did 126 million positions a second on 480 chess
        chips; here is one core.
    """)
    game = make("chess")
    tables = ChessTables()
    engine = Engine(game=game, tables=tables)
    middle = game.text_to_state(MIDDLE_GAME)
    engine.set_position(middle)
    memory = engine._memory
    lines = [
        count_lines(memory.stack, memory.moves, 0, depth, int(middle["to_play"]))
        for depth in range(1, 4 if quick else 6)
    ]
    nodes = []
    for depth in range(1, 8 if quick else 11):
        engine.forget()
        engine.set_position(middle)
        nodes.append(engine.think(depth=depth).nodes)
    page.figure(
        draw_growth(lines, nodes),
        "growth",
        caption='A middle game ("Kiwipete"): positions by depth, with and without alpha-beta.',
    )
    speeds = []
    for text in (None, MIDDLE_GAME, MATES_IN_THREE[0][0]):
        engine.forget()
        engine.set_position(game.text_to_state(text) if text else game.rules.initial(1)[0])
        begun = time.process_time()
        searched = engine.think(nodes=100_000 if quick else 1_000_000).nodes
        speeds.append(searched / (time.process_time() - begun))
    told = f"{min(speeds) / 1e6:.2f} to {max(speeds) / 1e6:.2f} million positions a second"
    if quick:
        page.result(f"{told}, too few of them to hold it to anything")
    else:
        page.claim(f"{told} of one core (at least one million)", holds=min(speeds) >= 1e6)

    page.text("""
        ## It sees mates

        Two dozen positions out of own games in which one move, and no other, mates in three. That
        has been proven by trying every move and every answer. The search with all its short cuts
        has to find them too.
    """)
    problems = MATES_IN_THREE[:8] if quick else MATES_IN_THREE
    solved, needed = 0, []
    for text, key in problems:
        state = game.text_to_state(text)
        engine.forget()
        engine.set_position(state)
        thought = engine.think(nodes=400_000)
        found = game.action_to_text(state, thought.line[0])
        solved += thought.plies_to_mate == PLIES and found == key
        needed.append(thought.nodes)
    page.claim(
        f"{solved} of {len(problems)} mates in three found, with {int(np.median(needed)):,} "
        "positions in the median",
        holds=solved == len(problems),
    )

    page.text("""
        ## The first dictionary: the opening book

        What strong players have played is looked up, not thought about. A book in Polyglot's
        format is sixteen bytes a move, sorted by the position's hash. Here one is made from games
        of the search against itself, written, read back, and asked.
    """)
    player = make_agent("deep_blue:300" if quick else "deep_blue:3000", game=game, seed=seed)
    played = play_match(
        player,
        make_agent("deep_blue:200" if quick else "deep_blue:2000", game=game, seed=seed),
        games=4 if quick else 20,
        seed=seed,
        opening_plies=2,
    ).games
    results = [each.result_for_a * (1 if each.a_is_player == 0 else -1) for each in played]
    made = book_from_games(
        game, [(each.actions, white) for each, white in zip(played, results, strict=True)], plies=12
    )
    with tempfile.TemporaryDirectory() as folder:
        write_book(made, Path(folder) / "book.bin")
        book = read_book(Path(folder) / "book.bin")
    start = game.rules.initial(1)[0]
    known = book.moves(game, start)
    page.table(
        ["first move", "weight in the book"],
        [[game.action_to_text(start, move.action), move.weight] for move in known[:5]],
    )
    page.claim(
        f"{len(book)} moves from {len(played)} games; read back as written",
        holds=len(book) == len(made) > 0 and bool(known),
    )

    page.text("""
        ## The second dictionary: endgame tables

        With few men left, everything is known: retrograde analysis (Thompson 1986) starts from
        the mates and goes backwards, move by move. No evaluation, no search, no doubt.
    """)
    mates, longest = {}, {}
    for name in LONGEST:
        values = tables.need(material_named(name))
        won = values[(values != VOID) & (values > 0)]
        mates[name] = (won.astype(int) + 1) // 2
        longest[name] = int(mates[name].max())
    material = material_named("KRK")
    values = tables.need(material)
    places = np.flatnonzero(values != VOID)
    turns = np.array([men_at(int(each), material.men, material.has_pawns)[0] for each in places])
    black = values[places[turns == 1]].astype(int)
    counted = [int((black == -(2 * moves + 1)).sum()) for moves in range(len(KRK_COUNTS))]
    board = np.full((8, 8), np.nan)
    for cell in range(64):
        cells = ["."] * 64
        cells[56], cells[48], cells[cell] = "K", "R", "k"
        if cell in (56, 48, 57, 49):
            continue
        state = game.text_to_state(fen(Position("".join(cells), False, "", None, 0, 1)))
        if not state["finished"]:
            board[cell // 8, cell % 8] = -tables.value(state) // 2
    page.figure(draw_endings(mates, board), "endings", caption="King and queen, king and rook.")
    page.claim(
        f"longest mates: {longest} (published: {LONGEST})",
        holds=longest == LONGEST,
    )
    page.claim(
        f"king and rook against king, black to move: {len(black):,} positions, by moves to mate "
        "the very numbers of the published data set",
        holds=counted == list(KRK_COUNTS) and int((black == 0).sum()) == KRK_DRAWS,
    )

    page.text("""
        ## Games

        Does brute force win? Against a shallow search that knows no chess beyond the rules, against
        the weakest level of a program that nobody here wrote, where one is installed, and at
        Connect Four. Minichess shows what the evaluation is for: nobody wrote one for it, so the
        same search sees nothing there but the end of the game.
    """)
    games = 4 if quick else 20
    brute = "deep_blue:2000" if quick else "deep_blue:20000"
    matches = [("chess", brute, "random" if quick else "alpha_beta:2")]
    program = shutil.which("fairy-stockfish") or shutil.which("fairy-stockfish", path=GAMES)
    if not quick and program:
        matches.append(("chess", brute, f"uci(nodes=500,Skill Level=-20):{program}"))
    matches.append(("connect_four", "deep_blue", "random" if quick else "mcts:100"))
    if not quick:
        matches.append(("minichess", "deep_blue", "mcts:100"))
    rows, ahead = [], []
    for place in page.steps("matches", len(matches)):
        name, ours, theirs = matches[place]
        board_game = make(name)
        result = play_match(
            make_agent(ours, game=board_game, seed=seed),
            make_agent(theirs, game=board_game, seed=seed),
            games=games,
            seed=seed,
        )
        row, is_ahead = score_line(f"{name}: {ours} against {theirs}", result)
        rows.append(row)
        ahead.append(is_ahead or name == "minichess")
    page.table(["match", "won", "drawn", "lost", "score, 95 %"], rows)
    page.claim(
        "the whole interval lies above one half where there is an evaluation", holds=all(ahead)
    )
