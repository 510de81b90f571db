"""What is promised in figures, measured: see README.md beside this file."""
