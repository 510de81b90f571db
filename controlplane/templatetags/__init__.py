"""Template tags and filters of the pages; built in, so that no template loads them."""
