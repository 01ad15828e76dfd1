"""Who plays, and how they meet."""
