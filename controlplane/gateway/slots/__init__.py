"""Slots over processes: how many of each replica's this one may use.

docs/decisions/slots-over-processes.md says why.
"""
