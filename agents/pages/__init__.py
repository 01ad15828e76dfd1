"""Pages for a browser that are whole in one file: nothing is fetched from anywhere."""
