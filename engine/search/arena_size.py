"""How much memory trees need, and what is refused because it cannot be had."""

from __future__ import annotations

from engine.search.tree import LINE_WORDS, node_words
from games.game import Game, GameError

#: Offsets in a tree are signed 32-bit numbers of words, so a tree holds 8 GiB at most.
_MOST_WORDS = (1 << 31) - LINE_WORDS
_WORD_BYTES = 4


class SearchSizeError(GameError):
    """More simulations or games than memory can hold; the message is one line for the user."""


def tree_words(game: Game, *, simulations: int, reuse: bool) -> int:
    """32-bit words of the arena of one tree, where every node has as many moves as there may be.

    Args:
        game: what is searched.
        simulations: largest budget of one search.
        reuse: whether a search goes on with what is left of the one before.

    Raises:
        SearchSizeError: a tree cannot be so large.
    """
    words: int = node_words(game.max_legal, game.state_dtype.itemsize // 4)
    trees = 2 if reuse else 1
    # An odd number of cache lines: roots of neighbouring trees fall into different sets.
    stride = (trees * (simulations + 1) * words // LINE_WORDS | 1) * LINE_WORDS
    if stride > _MOST_WORDS:
        most = _MOST_WORDS // (trees * words) - 1
        raise SearchSizeError(
            f"a tree of {game.id} holds {most:,} simulations a move at most (8 GiB), "
            f"not {simulations:,}"
        )
    return stride


def too_large(game: Game, *, games: int, simulations: int, words: int) -> SearchSizeError:
    """The error for trees of so many words together that the machine does not give."""
    gigabytes = words * _WORD_BYTES / 2**30
    return SearchSizeError(
        f"{games:,} game(s) of {game.id} at once with {simulations:,} simulations a move need "
        f"{gigabytes:,.1f} GiB of memory, which is not there; ask for fewer of either"
    )
