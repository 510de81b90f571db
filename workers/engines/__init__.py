"""WHAT to run: one folder per engine, pure planners."""
