"""A believable fleet, as rows alone: for looking at the pages and for measuring them.

Nothing of it runs: its hosts have a runtime that no driver serves, and no row is ever due.
"""
