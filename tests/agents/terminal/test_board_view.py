import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.terminal.board_view import board_text, find_targets, last_placed
from agents.terminal.panel import strip_text, whole_shares
from games import Game, make
from games.raster import Marks, board_pixels, drops_pieces

GAMES = ("connect_four", "tic_tac_toe")
random_games = given(
    numbers=st.lists(st.integers(0, 10**6), max_size=41), name=st.sampled_from(GAMES)
)


def positions(game: Game, numbers: list[int]) -> list[np.void]:
    """Positions of a game played by ``numbers``, the last one unfinished."""
    actions, states = [], [game.after([])]
    for number in numbers:
        legal = game.legal(states[-1])
        state = game.after([*actions, legal[number % len(legal)]])
        if state["finished"]:
            break
        actions.append(legal[number % len(legal)])
        states.append(state)
    return states


@settings(max_examples=60, deadline=None)
@random_games
def test_a_click_plays_the_move_that_its_square_belongs_to(numbers: list[int], name: str) -> None:
    game = make(name)
    states = positions(game, numbers)
    view, targets = game.board_view(states[-1]), find_targets(game, states[-1])
    assert sorted(targets.landing) == game.legal(states[-1])
    assert set(targets.by_cell.values()) == set(targets.landing)
    for action, cells in targets.landing.items():
        assert len(cells) == 1
        row, column = cells[0]
        assert view.pieces[row][column] == ""
        assert targets.by_cell[row, column] == action
    if name == "connect_four":
        assert all(column == action for (_, column), action in targets.by_cell.items())


@settings(max_examples=60, deadline=None)
@random_games
def test_the_last_piece_is_the_one_that_was_not_there_before(numbers: list[int], name: str) -> None:
    game = make(name)
    states = positions(game, numbers)
    placed = last_placed(game, tuple(states))
    if len(states) == 1:
        assert placed == ()
        return
    (row, column), view = placed[0], game.board_view(states[-1])
    assert view.owners[row][column] == states[-2]["to_play"]
    text = board_text(view, marked=placed)
    assert text.count("[") == 1
    assert f"[{view.pieces[row][column]}]" in text
    for piece in view.player_names:
        assert text.count(piece) == sum(pieces.count(piece) for pieces in view.pieces)


def test_only_games_whose_pieces_fall_have_a_rack() -> None:
    assert drops_pieces(make("connect_four")) and not drops_pieces(make("tic_tac_toe"))


@pytest.mark.parametrize("pitch", [4, 6, 14])
@pytest.mark.parametrize("name", GAMES)
def test_players_and_empty_squares_are_told_apart_by_colour(name: str, pitch: int) -> None:
    game = make(name)
    view = game.board_view(game.after([0, 1, 2]))
    pixels = board_pixels(view, Marks(), pitch=pitch, drops=drops_pieces(game))
    rows, columns = len(view.pieces), len(view.pieces[0])
    assert pixels.shape == (rows * pitch + 2, columns * pitch + 1, 3)
    looks = {}
    for row in range(rows):
        for column in range(columns):
            square = pixels[row * pitch + 1 : (row + 1) * pitch, column * pitch + 1 :][
                :, : pitch - 1
            ]
            looks.setdefault(view.owners[row][column], set()).add(square.tobytes())
    assert sorted(looks) == [-1, 0, 1]
    assert all(len(each) == 1 for each in looks.values())
    assert len(set.union(*looks.values())) == 3


def test_rows_of_a_slanted_board_are_shifted_by_half_a_cell() -> None:
    game = make("hex(size=3)")
    view = game.board_view(game.after([1, 3]))
    assert board_text(view, marked=((1, 0),)).splitlines() == [
        "1 .   X   .",
        "  2[O]  .   .",
        "    3 .   .   .",
        "        a   b   c",
    ]
    pixels = board_pixels(view, Marks(), pitch=6, drops=False)
    assert pixels.shape == (3 * 6 + 2, 3 * 6 + 1 + 2 * 3, 3)
    stone = pixels[7:12, 3 + 1 : 3 + 6]
    assert len(np.unique(stone.reshape(-1, 3), axis=0)) > 1  # O on the first cell of row 2
    assert len(np.unique(pixels[13:18, : 2 * 3].reshape(-1, 3), axis=0)) == 1  # left of row 3


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), st.integers(1, 200))
def test_whole_shares_sum_to_the_whole_and_stay_within_one(parts: list[float], total: int) -> None:
    whole_sum = sum(parts)
    if whole_sum <= 0:
        return
    shares = [part / whole_sum for part in parts]
    whole = whole_shares(shares, total)
    assert sum(whole) == total
    assert all(abs(a - b * total) <= 1 + 1e-6 for a, b in zip(whole, shares, strict=True))


@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=90),
    st.integers(2, 80),
    st.integers(1, 4),
)
def test_the_strip_always_fills_its_place(values: list, width: int, height: int) -> None:
    lines = strip_text(values, width=width, height=height).plain.split("\n")
    assert [len(line) for line in lines] == [width] * height
