"""Hand-made evaluations, one file a game, named like it; texts for ``compiled.py``.

Each defines ``evaluate(state)``: a whole number from the view of player 0, well under a million,
for an unfinished position.
"""
