"""This machine: engines as process groups of their own."""
