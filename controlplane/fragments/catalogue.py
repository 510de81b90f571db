"""The modules that register fragments. A new one is added here, and nowhere else."""

from functools import cache
from importlib import import_module

MODULES: tuple[str, ...] = ()


@cache
def load() -> None:
    """Import every module that registers fragments, once."""
    for module in MODULES:
        import_module(module)
