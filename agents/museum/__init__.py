"""Sixty years of players on Connect Four, from small networks that come with the package."""
