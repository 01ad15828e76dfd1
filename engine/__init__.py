"""How to think and learn: search, inference, networks, learning, self-play, orchestration."""
