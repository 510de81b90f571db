"""The modules that register fragments. A new one is added here, and nowhere else."""

from functools import cache
from importlib import import_module

MODULES: tuple[str, ...] = (
    "controlplane.fragments.captures",
    "controlplane.fragments.deployments",
    "controlplane.fragments.host_fits",
    "controlplane.fragments.host_checks",
    "controlplane.fragments.gateway",
    "controlplane.fragments.host_models",
    "controlplane.fragments.hosts",
    "controlplane.fragments.language_models",
    "controlplane.fragments.navigation",
    "controlplane.fragments.operations",
    "controlplane.fragments.overview",
    "controlplane.fragments.playground",
    "controlplane.fragments.revisions",
    "controlplane.fragments.usage",
)


@cache
def load() -> None:
    """Import every module that registers fragments, once."""
    for module in MODULES:
        import_module(module)
