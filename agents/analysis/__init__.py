"""Analysis of positions and games for other programs and for people."""
