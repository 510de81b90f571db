"""Parameters that only some runtimes can honour, as an engine's own schema says.

A setting of a whole server is ours where the server is ours, and its owner's where others use
it too. The schema of such a parameter names the runtimes that honour it; a wish that sets it to
anything but its default cannot go elsewhere, and that is told before anything is deployed.
"""

from collections.abc import Mapping
from typing import Any

KEYWORD = "x-runtimes"  # in a parameter's schema; validators leave unknown words alone


def bound_parameters(
    manifest: Mapping[str, Any], parameters: Mapping[str, Any]
) -> dict[str, frozenset[str]]:
    """Return the parameters that are set and bound, each with the runtimes that honour it."""
    known = manifest.get("parameters_schema", {}).get("properties", {})
    found = {}
    for name, value in parameters.items():
        schema = known.get(name, {})
        if KEYWORD in schema and value != schema.get("default"):
            found[name] = frozenset(schema[KEYWORD])
    return found


def unfit_runtimes(manifest: Mapping[str, Any], parameters: Mapping[str, Any]) -> frozenset[str]:
    """Return the engine's runtimes that cannot honour all that is set."""
    needs = bound_parameters(manifest, parameters).values()
    return frozenset(
        runtime for runtime in manifest["runtimes"] if any(runtime not in need for need in needs)
    )
