"""Typed HTTP clients; timeouts always."""
