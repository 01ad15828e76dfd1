"""Wrong settings are told in words that say which, what would do, and what was given."""

import pytest

from engine.config import ConfigError, build_config, check_fits, parse_setting
from engine.search.arena_size import SearchSizeError
from games import make


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("search.simulations=abc", "search.simulations: expected a whole number, not 'abc'"),
        ("search.simulations=-3", "search.simulations: expected a whole number >= 1, not -3"),
        ("search=3", "search: expected a section of settings, not 3"),
        ("network.ownership=3", "network.ownership: expected true or false, not 3"),
        ("minutes=x", "minutes: expected a number, not 'x'"),
        (
            "search.simulation=3",
            "no setting 'search.simulation'; did you mean 'search.simulations'?",
        ),
        ("sarch.simulations=3", "no setting 'sarch'; did you mean 'search'?"),
    ],
)
def test_a_wrong_setting_is_told_in_words(setting, complaint):
    with pytest.raises(ConfigError) as caught:
        build_config(parse_setting(setting), source="settings")
    assert str(caught.value) == f"settings: {complaint}"


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        (
            "selfplay.games=10_000_000",
            r"10,000,000 game\(s\) of tic_tac_toe at once with 64 simulations a move need .* GiB",
        ),
        ("search.simulations=50_000_000", "tic_tac_toe holds .* simulations a move at most"),
    ],
)
def test_trees_that_no_memory_holds_are_refused(setting, complaint):
    config = build_config({"game": "tic_tac_toe"} | parse_setting(setting), source="settings")
    with pytest.raises(SearchSizeError, match=complaint):
        check_fits(config, make("tic_tac_toe"))


def test_words_to_choose_from_are_listed():
    with pytest.raises(ConfigError, match=r"'search.zzz'; there are algorithm, simulations, "):
        build_config(parse_setting("search.zzz=3"), source="settings")
    with pytest.raises(ConfigError, match=r"'resnet' or 'cnn' or 'perceptron', not 'foo'"):
        build_config(parse_setting("network.kind=foo"), source="settings")
