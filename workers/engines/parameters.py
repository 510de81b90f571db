"""Parameters of engines: typed models that forbid extras, and problems instead of exceptions."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from models_app.domain.failures import FailureCode
from models_app.domain.specs import Problem


class Parameters(BaseModel):
    """The base of every engine's parameters: what is not declared is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


P = TypeVar("P", bound=Parameters)


def parse(model: type[P], raw: Mapping[str, Any]) -> P:
    """Return the validated parameters. Raises pydantic's ValidationError.

    JSON knows no integers: 4096.0 is 4096, as the published schema says too.
    """
    return model.model_validate({name: _whole(value) for name, value in raw.items()})


def problems(model: type[Parameters], raw: Mapping[str, Any]) -> list[Problem]:
    """Return one problem per invalid parameter: its name, the rule and the rule's figures."""
    try:
        parse(model, raw)
    except ValidationError as error:
        return [
            Problem(
                FailureCode.PARAMETERS_INVALID,
                {
                    "parameter": ".".join(map(str, item["loc"])),
                    "rule": item["type"],
                    **{key: str(value) for key, value in item.get("ctx", {}).items()},
                },
            )
            for item in error.errors(include_url=False, include_input=False)
        ]
    return []


def schema(model: type[Parameters]) -> dict[str, Any]:
    """Return the JSON Schema that forms and the API check against, each parameter whole.

    Definitions are written out where they are used: a form needs no resolver for references.
    """
    found = model.model_json_schema()
    defined = found.pop("$defs", {})
    fields = found["properties"]
    found["properties"] = {name: _whole_field(field, defined) for name, field in fields.items()}
    return found


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _whole_field(field: Mapping[str, Any], defined: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" not in field:
        return dict(field)
    target = defined[field["$ref"].rpartition("/")[2]]
    own = {key: value for key, value in field.items() if key != "$ref"}
    return {**target, **own}
