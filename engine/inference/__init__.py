"""What judges positions: networks and what runs them, caches, rollouts, constants."""
