"""Chess by brute force, between an opening book and endgame tables, as Deep Blue played it."""
