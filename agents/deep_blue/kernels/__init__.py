"""What is compiled of the chess search."""
