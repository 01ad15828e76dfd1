"""Batched tree search: PUCT and Gumbel over compiled trees."""
