"""Exact solvers of small games, and positions whose value is known."""
