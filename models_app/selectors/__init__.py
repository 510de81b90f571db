"""Reads, access check included."""
