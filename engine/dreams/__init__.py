"""Dreaming: from what a network wants to see, an input that shows it."""
