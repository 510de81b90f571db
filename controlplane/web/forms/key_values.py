"""Labels and rules about them as people write them, one a line."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from models_app.domain.label_rules import RULES_LIMIT, Rule, parse_rule, selector_lines


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


class SelectorField(KeyValuesField):
    """A text of rules about labels that cleans to a selector."""

    def prepare_value(self, value: Any) -> Any:
        """Show a stored selector as lines."""
        return "\n".join(selector_lines(value)) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        """Return the selector. Raises ValidationError on a line that is no rule."""
        rules: dict[str, Rule] = {}
        for line in str(forms.CharField.to_python(self, value) or "").splitlines():
            if not line.strip():
                continue
            parsed = parse_rule(line)
            if parsed is None:
                raise ValidationError(
                    gettext("“{line}” is no rule about a label.").format(line=line.strip()[:60])
                )
            key, rule = parsed
            if key in rules:
                raise ValidationError(
                    gettext("There are two rules about “{label}”: join them.").format(label=key)
                )
            rules[key] = rule
        if len(rules) > RULES_LIMIT:
            raise ValidationError(gettext("At most {limit} rules.").format(limit=RULES_LIMIT))
        return rules
