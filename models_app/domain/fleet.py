"""When most hosts fall silent at once, it is likelier that we are cut off than that they are gone.

Then nothing is taken away: no orphan is removed, nothing that serves is moved, until they are back.
"""

LEAST_HOSTS = 2  # one host that is silent is one host that is silent


def may_be_cut_off(*, silent: int, known: int) -> bool:
    """Return whether more than half of the hosts that have ever answered are silent."""
    return known >= LEAST_HOSTS and 2 * silent > known
