"""The tables, one family per file."""
