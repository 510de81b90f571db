"""The exported description of the REST API is the API's own."""

import json

from django.conf import settings

from controlplane.api.application import api
from controlplane.settings.env import ROOT

EXPORT = ROOT / "docs" / "openapi.json"
COMMAND = (
    "manage.py export_openapi_schema --api controlplane.api.application.api"
    " --indent 2 --output docs/openapi.json"
)


def test_the_export_is_in_step() -> None:
    assert settings.ROOT_URLCONF == "controlplane.urls"  # the addresses come from the routes
    schema = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    assert json.loads(EXPORT.read_text()) == schema, f"run {COMMAND}"
