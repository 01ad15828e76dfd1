"""Perfect play by computing: tables of chess endings, endings of Othello, small games."""
