"""Matches, ratings, and how often a move is right."""
