"""One file per resource: what comes in, what goes out, and calls of selectors and services."""
