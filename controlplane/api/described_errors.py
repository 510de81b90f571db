"""Every operation says how it fails: ninja describes only what was declared, which is success.

The shape is one, and which codes an operation can answer with grows with the product, so ranges are
promised and not lists: a client made from the description reads any of them.
"""

from typing import Any

from ninja.openapi.schema import REF_TEMPLATE

from controlplane.api.schemas import ErrorOut

FAILURES = {
    "4XX": ("ClientError", "Refused: what was asked, or who asked, cannot have it."),
    "5XX": ("ServerError", "Slipway, or what it stands on, could not answer now."),
}
"""The status range, the name of its response among the components, and what it means."""


def describe_errors(schema: dict[str, Any]) -> None:
    """Add the one shape of errors to every operation of an OpenAPI description."""
    components = schema["components"]
    shape = ErrorOut.model_json_schema(mode="serialization", ref_template=REF_TEMPLATE)
    parts = shape.pop("$defs", {})
    components["schemas"] |= {**parts, ErrorOut.__name__: shape}
    content = {
        "application/json": {"schema": {"$ref": REF_TEMPLATE.format(model=ErrorOut.__name__)}}
    }
    components["responses"] = {
        name: {"description": meaning, "content": content} for name, meaning in FAILURES.values()
    }
    for operations in schema["paths"].values():
        for operation in operations.values():
            for status, (name, _meaning) in FAILURES.items():
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
