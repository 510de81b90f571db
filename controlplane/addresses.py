"""Addresses of objects' pages, worked out once each: a list names fifty of them at every repaint.

Routes do not change while a process lives, and an address follows from its route and name alone.
"""

from functools import lru_cache

from django.urls import reverse


@lru_cache(maxsize=8192)
def address_of(route: str, ref: str) -> str:
    """Return the address of one object's page: `address_of("web:host", "till-1")`."""
    return reverse(route, args=[ref])
