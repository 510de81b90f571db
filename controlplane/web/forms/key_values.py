"""Labels as people write them: one `key=value` a line."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class KeyValuesField(forms.CharField):
    """A text of `key=value` lines that cleans to a dict."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", _("One a line: site=rome"))
        kwargs.setdefault("widget", forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}))
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Show a stored dict as lines."""
        if isinstance(value, dict):
            return "\n".join(f"{key}={text}" for key, text in sorted(value.items()))
        return value

    def to_python(self, value: Any) -> Any:
        """Return the dict. Raises ValidationError on a line that is not key=value."""
        pairs: dict[str, str] = {}
        for line in str(super().to_python(value) or "").splitlines():
            if not line.strip():
                continue
            key, sign, text = (part.strip() for part in line.partition("="))
            if not key or not sign:
                raise ValidationError(
                    gettext("“{line}” is not key=value.").format(line=line.strip()[:60])
                )
            pairs[key] = text
        return pairs
