"""Writes: one transaction, an actor, an audit row, a nudge on commit."""
