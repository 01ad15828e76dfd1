"""Which chances of moves are their own."""

from agents.terminal.thought import MoveThought, Thought


def thought_of(*moves):
    return Thought(
        mover=0, win_chances=(0.6, 0.3), draw_chance=0.1, moves=moves, line=(), is_proven=False
    )


def test_a_move_that_no_simulation_tried_has_no_chance_of_its_own():
    tried, untried = MoveThought(0, "1", 0.9, 100, 0.7), MoveThought(1, "2", 0.0, 0, 0.7)
    lost = MoveThought(2, "3", 0.0, 0, 0.0)
    thought = thought_of(tried, untried, lost)
    assert [thought.has_judged(each) for each in thought.moves] == [True, False, True]


def test_an_engine_without_simulations_judges_every_move():
    thought = thought_of(MoveThought(0, "1", 0.9, 0, 0.7), MoveThought(1, "2", 0.1, 0, 0.2))
    assert all(map(thought.has_judged, thought.moves))
