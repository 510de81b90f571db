"""Observe, plan (pure), apply: one module per kind of row."""
