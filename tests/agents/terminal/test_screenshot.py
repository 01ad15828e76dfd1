from pathlib import Path
from xml.etree import ElementTree

import pytest

from agents.agent import AgentError
from agents.terminal.screenshot import paint_blocks, take_picture
from games import make


def test_a_picture_is_an_svg_without_block_characters(tmp_path: Path) -> None:
    path = tmp_path / "images" / "play.svg"
    take_picture(path, game=make("tic_tac_toe"), opponent="mcts:50", plies=3)
    svg = path.read_text(encoding="utf-8")
    ElementTree.fromstring(svg)
    assert "▀" not in svg and "█" not in svg
    assert "Win" in svg and "Hint:" in svg


def test_an_engine_without_opinions_makes_no_picture(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="no opinion"):
        take_picture(tmp_path / "play.svg", game=make("tic_tac_toe"), opponent="random")
    assert not list(tmp_path.iterdir())


def test_blocks_become_rectangles_and_columns_keep_their_places() -> None:
    svg = (
        "<style>.t-r1 { fill: #ff0000 }</style>"
        '<text class="t-r1" x="12.2" y="44.4" textLength="36.6" clip-path="url(#l)">▀▀▀</text>'
        '<text class="t-r1" x="0" y="20" textLength="122.0" clip-path="url(#l)">'
        "a&#160;b&#160;&#160;&#160;&#160;&amp;c&#160;</text>"
    )
    painted = paint_blocks(svg)
    assert '<rect fill="#ff0000" x="11.95" y="25.65" width="37.10" height="12.70"/>' in painted
    assert 'x="0.0" y="20" textLength="36.6" lengthAdjust="spacingAndGlyphs">a\xa0b<' in painted
    assert 'x="85.4" y="20" textLength="24.4" lengthAdjust="spacingAndGlyphs">&amp;c<' in painted
