"""Forms of the models on an Ollama host: pull, push, copy, and the editor of a variant."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from models_app.domain.modelfile import TEXT_LENGTH, Modelfile
from models_app.domain.modelfile_parameters import PARAMETERS
from models_app.domain.ollama_names import NAME_LENGTH
from models_app.models import Artifact

SHOWN = ("temperature", "top_p", "num_ctx", "top_k", "repeat_penalty", "num_predict", "seed")
"""Parameters with a field of their own; whoever needs another writes the Modelfile as text."""


class ModelNameForm(forms.Form):
    """A name on the server."""

    name = forms.CharField(
        label=_("Model"),
        max_length=NAME_LENGTH,
        help_text=_("As its registry names it: llama3.2:1b, or namespace/model:tag."),
    )


class PushForm(forms.Form):
    """A file of the model store, and the name it gets on the server."""

    artifact = forms.ModelChoiceField(label=_("File"), queryset=Artifact.objects.none())
    name = forms.CharField(
        label=_("Name there"), max_length=NAME_LENGTH, help_text=_("model:tag, in small letters.")
    )

    def __init__(self, *args: Any, artifacts: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["artifact"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = artifacts
        field.label_from_instance = _artifact_label  # type: ignore[method-assign, assignment]


def _artifact_label(artifact: Artifact) -> str:
    return f"{artifact.model.title} · {artifact.file_name}"


class VariantForm(forms.Form):
    """A variant, field by field."""

    name = forms.CharField(label=_("Name"), max_length=NAME_LENGTH, help_text=_("model:tag."))
    base = forms.ChoiceField(label=_("Made from"))
    adapter = forms.ChoiceField(
        label=_("Adapter"),
        required=False,
        help_text=_("A LoRA of the model store, trained on the model it is made from."),
    )
    system = forms.CharField(
        label=_("System prompt"),
        required=False,
        max_length=TEXT_LENGTH,
        widget=forms.Textarea({"rows": 5}),
        help_text=_("What the model is told before each conversation."),
    )
    temperature = forms.FloatField(label=_("Temperature"), required=False)
    top_p = forms.FloatField(label=_("Top p"), required=False)
    num_ctx = forms.IntegerField(label=_("Context length"), required=False)
    top_k = forms.IntegerField(label=_("Top k"), required=False)
    repeat_penalty = forms.FloatField(label=_("Repeat penalty"), required=False)
    num_predict = forms.IntegerField(label=_("Longest answer"), required=False)
    seed = forms.IntegerField(label=_("Seed"), required=False)
    stop = forms.CharField(
        label=_("Stop texts"),
        required=False,
        widget=forms.Textarea({"rows": 2}),
        help_text=_("One on each line: an answer ends before it."),
    )
    template = forms.CharField(
        label=_("Template"),
        required=False,
        max_length=TEXT_LENGTH,
        widget=forms.Textarea({"rows": 4, "spellcheck": "false", "class": "mono"}),
        help_text=_("Empty: that of the model it is made from."),
    )

    def __init__(
        self, *args: Any, bases: Iterable[str], adapters: Iterable[Artifact], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._choose("base", [(base, base) for base in bases])
        files = [(digest_of(one), _adapter_label(one)) for one in adapters]
        self._choose("adapter", [("", _("none")), *files])
        for name in SHOWN:
            known = PARAMETERS[name]
            widget = self.fields[name].widget
            widget.attrs |= {"min": known.low, "max": known.high, "placeholder": _("as it is")}
            widget.attrs |= {"step": "any"} if known.kind is float else {}

    def _choose(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def modelfile(self) -> Modelfile:
        """Return what the fields say; the service checks it."""
        said = self.cleaned_data
        parameters = [(name, said[name]) for name in SHOWN if said.get(name) is not None]
        stops = [("stop", line.strip()) for line in said["stop"].splitlines() if line.strip()]
        return Modelfile(
            base=said["base"],
            parameters=(*parameters, *stops),
            adapters=(said["adapter"],) if said["adapter"] else (),
            system=said["system"].replace("\r\n", "\n"),
            template=said["template"].replace("\r\n", "\n"),
        )


class ModelfileForm(forms.Form):
    """A variant as text."""

    name = forms.CharField(label=_("Name"), max_length=NAME_LENGTH, help_text=_("model:tag."))
    modelfile = forms.CharField(
        label=_("Modelfile"),
        max_length=TEXT_LENGTH,
        widget=forms.Textarea({"rows": 18, "spellcheck": "false", "class": "mono"}),
        help_text=_("FROM, PARAMETER, SYSTEM, TEMPLATE, ADAPTER, MESSAGE and LICENSE."),
    )


def initial_of(modelfile: Modelfile, name: str) -> dict[str, Any]:
    """Return the fields that show a variant."""
    parameters = {key: value for key, value in modelfile.parameters if key != "stop"}
    return {
        "name": name,
        "base": modelfile.base,
        "adapter": modelfile.adapters[0] if modelfile.adapters else "",
        "system": modelfile.system,
        "template": modelfile.template,
        "stop": "\n".join(str(v) for key, v in modelfile.parameters if key == "stop"),
        **{key: parameters.get(key) for key in SHOWN},
    }


def digest_of(adapter: Artifact) -> str:
    """Return what ADAPTER says of a file of the model store."""
    return f"sha256:{adapter.sha256}"


def _adapter_label(adapter: Artifact) -> str:
    kind = adapter.facts.get("architecture")
    return f"{_artifact_label(adapter)} ({kind})" if kind else _artifact_label(adapter)


def is_for_fields(modelfile: Modelfile, adapters: Iterable[Artifact]) -> bool:
    """Return whether the fields can say all of it."""
    unknown = set(modelfile.adapters) - {digest_of(one) for one in adapters}
    others = {key for key, _value in modelfile.parameters} - {*SHOWN, "stop"}
    return not (others or unknown or modelfile.messages or modelfile.licences)
