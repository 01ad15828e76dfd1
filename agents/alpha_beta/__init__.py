"""Alpha-beta to a fixed depth over any compiled game, with a hand-made evaluation for some."""
