"""Games against oneself."""
