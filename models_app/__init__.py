"""The ledger: what exists and what should exist. Imports neither other room."""
