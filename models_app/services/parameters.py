"""Checks an engine's parameters against the schema that the engine itself published."""

from collections.abc import Collection, Mapping
from typing import Any

import jsonschema

from models_app.domain.bound_parameters import bound_parameters
from models_app.domain.errors import InvalidError
from models_app.models import Artifact, EngineEntry, Host


def engine_manifest(engine: str) -> dict[str, Any]:
    """Return the manifest of an engine in the catalogue. Raises InvalidError ENGINE_UNKNOWN."""
    entry = EngineEntry.objects.filter(key=engine).first()
    if entry is None:
        raise InvalidError(
            "ENGINE_UNKNOWN", params={"engine": engine}, fields={"engine": "ENGINE_UNKNOWN"}
        )
    manifest: dict[str, Any] = entry.manifest
    return manifest


def parameters_check(
    engine: str, artifact: Artifact, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the parameters when the engine takes them; InvalidError names each bad field."""
    manifest = engine_manifest(engine)
    if artifact.format not in manifest["formats"]:
        raise InvalidError(
            "UNSUPPORTED_FORMAT",
            params={"engine": engine, "format": artifact.format},
            fields={"artifact": "UNSUPPORTED_FORMAT"},
        )
    fields = _schema_errors(manifest["parameters_schema"], parameters)
    limit = artifact.facts.get("context_length")
    asked = parameters.get("context_length")
    if limit and isinstance(asked, int) and asked > limit:
        raise InvalidError(
            "CONTEXT_TOO_LARGE",
            params={"asked": asked, "limit": limit},
            fields={"parameters.context_length": "CONTEXT_TOO_LARGE"},
        )
    if fields:
        raise InvalidError("PARAMETERS_INVALID", fields=fields)
    return dict(parameters)


def parameters_check_hosts(
    engine: str, parameters: Mapping[str, Any], hosts: Collection[str]
) -> None:
    """Raise InvalidError PARAMETERS_NOT_THERE when no host named can honour what is set.

    Where none is named, or some can, the scheduler passes the others over and says why.
    """
    runtimes = set(Host.objects.filter(name__in=hosts).values_list("runtime", flat=True))
    bound = bound_parameters(engine_manifest(engine), parameters)
    needed = frozenset.intersection(*bound.values()) if bound else runtimes
    if runtimes and not runtimes & needed:
        raise InvalidError(
            "PARAMETERS_NOT_THERE",
            params={"parameters": ", ".join(sorted(bound))},
            fields={f"parameters.{name}": "PARAMETERS_NOT_THERE" for name in bound},
        )


def _schema_errors(schema: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for error in jsonschema.Draft202012Validator(schema).iter_errors(parameters):
        if error.validator == "additionalProperties":
            extra = set(parameters) - set(schema.get("properties", {}))
            fields.update({f"parameters.{name}": "FIELD_UNKNOWN" for name in sorted(extra)})
        else:
            where = ".".join(["parameters", *(str(part) for part in error.absolute_path)])
            fields[where] = "VALUE_OUT_OF_RANGE" if error.validator in _LIMITS else "VALUE_INVALID"
    return fields


_LIMITS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "maxLength", "minLength"}
