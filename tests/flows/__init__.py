"""Journeys through the running product: the real parts, started as a person starts them."""
