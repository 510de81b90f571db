"""Reads a list of hosts from YAML or CSV, as `services.host_import` takes it."""

import csv
import io
from collections.abc import Mapping
from typing import Any

import yaml
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from models_app.services.host_import import LIKE, ROWS_LIMIT

TEXT_LIMIT = 256 << 10
GIB = 1 << 30
_CONNECTION = ("transport", "address", "user", "path", "plain", "url", "publish_on", "image_prefix")
_OWN = ("name", "runtime", "labels", "memory_budget_gib", LIKE)
_TRUE = {"true", "yes", "1"}

EXAMPLE = """- name: till-1
  runtime: docker
  transport: ssh
  address: 10.0.0.11:22
  user: ops
  secret_like: shop
  labels: {site: rome}
- name: ai
  runtime: ollama
  url: http://10.0.0.20:11434
"""


class HostImportForm(forms.Form):
    """A list of hosts, typed or from a file. Credentials are not part of it."""

    text = forms.CharField(
        label=_("Hosts"),
        required=False,
        max_length=TEXT_LIMIT,
        widget=forms.Textarea(
            attrs={"rows": 14, "spellcheck": "false", "class": "mono", "placeholder": EXAMPLE}
        ),
        help_text=_(
            "YAML, or CSV with a head line. secret_like names a Docker host whose keys are shared."
        ),
    )
    file = forms.FileField(label=_("Or a file"), required=False)

    def clean(self) -> dict[str, Any]:
        """Read the file when there is one; parse what was given."""
        cleaned = super().clean() or self.cleaned_data
        upload = cleaned.get("file")
        if upload is not None and upload.size <= TEXT_LIMIT:
            try:
                cleaned["text"] = upload.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                raise ValidationError(gettext("The file is not text in UTF-8.")) from None
        elif upload is not None:
            raise ValidationError(gettext("The file is larger than 256 KiB."))
        cleaned["rows"] = rows_of(cleaned.get("text", ""))
        return cleaned


def rows_of(text: str) -> list[dict[str, Any]]:
    """Return the rows of a list. Raises ValidationError when it cannot be read as one."""
    if not text.strip():
        raise ValidationError(gettext("Write or choose a list of hosts."))
    head = text.lstrip().splitlines()[0]
    plain = _csv(text) if "," in head and not head.startswith(("-", "{", "[", "#")) else _yaml(text)
    if len(plain) > ROWS_LIMIT:
        raise ValidationError(gettext("At most 500 hosts at once."))
    return [_row(number, one) for number, one in enumerate(plain, start=1)]


class _PlainLoader(yaml.SafeLoader):
    """YAML without anchors: a few lines of them can stand for a billion values."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse references."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("references are not taken")
        return super().compose_node(parent, index)


def _yaml(text: str) -> list[Any]:
    try:
        # A subclass of SafeLoader: plain values only.
        found = yaml.load(text, Loader=_PlainLoader)  # noqa: S506
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = gettext("line {n}").format(n=mark.line + 1) if mark else ""
        raise ValidationError(
            gettext("This is neither YAML nor CSV. {where}").format(where=where).strip()
        ) from None
    if isinstance(found, Mapping) and isinstance(found.get("hosts"), list):
        found = found["hosts"]
    if not isinstance(found, list):
        raise ValidationError(gettext("Write a list: each host begins with a dash."))
    return found


def _csv(text: str) -> list[Any]:
    try:
        reader = csv.DictReader(io.StringIO(text), strict=True)
        return [{k: v for k, v in row.items() if v not in (None, "")} for row in reader]
    except csv.Error:
        raise ValidationError(gettext("This is neither YAML nor CSV.")) from None


def _row(number: int, given: Any) -> dict[str, Any]:
    """Return one row as the service takes it; what it does not know is for the service to say."""
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise ValidationError(gettext("Host {n} is not a list of fields.").format(n=number))
    row: dict[str, Any] = {
        key: value for key, value in given.items() if key not in (*_CONNECTION, *_OWN)
    }
    for key in ("name", "runtime", LIKE):
        if key in given:
            row[key] = str(given[key])
    connection = {key: _plain(key, given[key]) for key in _CONNECTION if key in given}
    if connection:
        row["connection"] = {**row.get("connection", {}), **connection}
    if "labels" in given:
        row["labels"] = _labels(given["labels"])
    if "memory_budget_gib" in given:
        try:
            row["memory_budget_bytes"] = int(float(given["memory_budget_gib"]) * GIB)
        except (TypeError, ValueError, OverflowError):
            raise ValidationError(
                gettext("Host {n}: memory_budget_gib is not a number.").format(n=number)
            ) from None
    return row


def _plain(key: str, value: Any) -> Any:
    if key == "plain" and isinstance(value, str):
        return value.lower() in _TRUE
    return value


def _labels(value: Any) -> Any:
    """Return labels from a mapping, or from `site=rome;gpu=none` as CSV has them."""
    if isinstance(value, Mapping):
        return {str(key): str(one) for key, one in value.items()}
    if not isinstance(value, str):
        return value
    pairs = (part.partition("=") for part in value.split(";") if part.strip())
    return {key.strip(): one.strip() for key, _sign, one in pairs}
