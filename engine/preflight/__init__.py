"""The proof that a game keeps every promise the rest of the project relies on."""
