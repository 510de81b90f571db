"""Plain Python: states, errors, failure codes, specs, sizing. Imports the standard library only."""
