"""What a GTP controller may ask about a game: scores, stones, and the board as GoGui sees it."""

from __future__ import annotations

from agents.protocols.gtp import GtpError, write_vertex
from agents.protocols.gtp_board import Cell, GtpBoard

_TERRITORY = {"black_territory": 1, "white_territory": -1}


def final_score(board: GtpBoard, komi: float) -> str:
    """``B+3.5``, ``W+1`` or ``0``; of games other than Go the winner leads by 1.

    Raises:
        GtpError: a game without areas that is not over.
    """
    if board.game.rules.has_ownership:
        _, lead = board.area()
        lead += float(board.game.parameters.get("komi", 0.0)) - komi
    elif board.is_over:
        lead = float(board.state["returns"][0])
    else:
        raise GtpError("cannot score: the game is not over")
    return "0" if lead == 0 else f"{'B' if lead > 0 else 'W'}+{abs(lead):g}"


def final_status_list(board: GtpBoard, status: str) -> str:
    """Vertices of a status, a chain a line.

    By the rules played here whatever is on the board at the end is alive.

    Raises:
        GtpError: no such status, or a game without areas.
    """
    owners, _ = board.area()
    chains = board.chains()
    if status in ("dead", "seki"):
        groups = []
    elif status == "alive":
        groups = chains
    elif status in _TERRITORY:
        stones = {cell for chain in chains for cell in chain}
        cells = ((row, column) for row, column in zip(*owners.nonzero(), strict=True))
        points = [
            (int(row), int(column))
            for row, column in cells
            if owners[row, column] == _TERRITORY[status] and (row, column) not in stones
        ]
        groups = [points] if points else []
    else:
        raise GtpError("invalid status")
    return "\n".join(write_cells(group, height=len(owners)) for group in groups)


def write_cells(cells: list[Cell], *, height: int) -> str:
    """Vertices in a line."""
    return " ".join(write_vertex(row, column, height=height) for row, column in cells)


def gogui_analyze_commands(board: GtpBoard) -> str:
    """Entries of GoGui's menu: how to show the answer, label, command."""
    entries = [
        "plist/Legal Moves/gogui-rules_legal_moves",
        "string/Final Result/gogui-rules_final_result",
    ]
    if board.game.rules.has_ownership:
        entries.append("string/Area Score/final_score")
    return "\n".join(entries)


def gogui_game_id(board: GtpBoard) -> str:
    """The game's name with a capital and then small letters only, as GoGui wants it."""
    return "".join(each for each in board.game.name if each.isalpha()).capitalize()


def gogui_board(board: GtpBoard) -> str:
    """Rows from the top: a point for an empty cell, X for player 0, O for player 1."""
    owners = board.game.board_view(board.state).owners
    rows = (" ".join(".XO"[owner + 1] for owner in row) for row in owners)
    return "\n" + "\n".join(rows)


def gogui_board_size(board: GtpBoard) -> str:
    """Width, height where it differs, and whether cells have six neighbours."""
    view = board.game.board_view(board.state)
    height, width = len(view.owners), len(view.owners[0])
    size = f"{width}" if width == height else f"{width} {height}"
    return f"{size} hex" if view.slanted else size


def gogui_legal_moves(board: GtpBoard) -> str:
    """Moves that can be played; empty when the game is over."""
    legal = board.game.legal(board.state)
    return " ".join(board.names.write(board.state, action) for action in legal)


def gogui_side_to_move(board: GtpBoard) -> str:
    """A colour."""
    return "white" if board.state["to_play"] else "black"


def gogui_final_result(board: GtpBoard) -> str:
    """How the game ended, in words; empty while it goes on."""
    if not board.is_over:
        return ""
    first, second = board.state["returns"]
    if first == second:
        return "Draw"
    names = board.game.board_view(board.state).player_names
    return f"{names[0] if first > second else names[1]} wins"
