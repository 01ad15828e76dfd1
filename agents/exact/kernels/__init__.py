"""What is compiled of perfect play."""
