"""Forms of models: import by upload, path or address; edit what people say of one."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from models_app.domain.names import NAME_LENGTH, slugify_name

UPLOAD, FILE, URL = "upload", "file", "url"


class ModelEditForm(forms.Form):
    """What may change of a model."""

    title = forms.CharField(label=_("Title"), max_length=200)
    licence = forms.CharField(
        label=_("Licence"),
        max_length=100,
        required=False,
        help_text=_("As its maker names it: apache-2.0, mit, llama3.2 …"),
    )
    description = forms.CharField(
        label=_("Description"), required=False, max_length=4000, widget=forms.Textarea({"rows": 3})
    )


class ModelImportForm(ModelEditForm):
    """A model file that is not here yet."""

    source = forms.ChoiceField(label=_("From"), initial=UPLOAD, widget=forms.RadioSelect)
    upload = forms.CharField(required=False, widget=forms.HiddenInput)
    file_name = forms.CharField(required=False, max_length=255, widget=forms.HiddenInput)
    path = forms.CharField(
        label=_("Path on the server"),
        required=False,
        max_length=1000,
        help_text=_("A .gguf file that Slipway itself can read."),
    )
    url = forms.URLField(
        label=_("Address"),
        required=False,
        max_length=2000,
        assume_scheme="https",
        help_text=_(
            "A direct https link to a .gguf file. A broken download goes on where it stopped."
        ),
    )
    sha256 = forms.RegexField(
        r"^[0-9a-fA-F]{64}$",
        label="SHA-256",
        required=False,
        help_text=_("If its maker publishes it: a file that differs is refused."),
    )
    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        required=False,
        help_text=_("Small letters, digits and dashes. Empty: made from the title."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("source", "upload", "path", "url", "sha256", "title", "name", "licence")

    def __init__(self, *args: Any, may_read_paths: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: list[tuple[str, Any]] = [
            (UPLOAD, _("A file of this computer")),
            (URL, _("An address on the web")),
        ]
        if may_read_paths:
            choices.append((FILE, _("A file on the server")))
        source = self.fields["source"]
        if isinstance(source, forms.ChoiceField):
            source.choices = choices

    def clean(self) -> dict[str, Any]:
        """Ask for what the chosen source needs; make the name from the title."""
        cleaned = super().clean() or self.cleaned_data
        needed = {UPLOAD: "upload", FILE: "path", URL: "url"}.get(cleaned.get("source", ""))
        missing = {
            "upload": gettext("Choose a file and wait until it has arrived."),
            "path": gettext("Write the path of the file."),
            "url": gettext("Write the address of the file."),
        }
        if needed and not cleaned.get(needed) and needed not in self.errors:
            self.add_error(None if needed == "upload" else needed, missing[needed])
        if not cleaned.get("name") and cleaned.get("title"):
            cleaned["name"] = slugify_name(cleaned["title"])
        return cleaned

    def reference(self) -> dict[str, Any]:
        """Return the reference as the chosen source reads it."""
        cleaned = self.cleaned_data
        if cleaned["source"] == FILE:
            found = {"path": cleaned["path"]}
        elif cleaned["source"] == URL:
            found = {"url": cleaned["url"]}
        else:
            found = {"upload": cleaned["upload"], "file_name": cleaned["file_name"]}
        if cleaned.get("sha256"):
            found["sha256"] = cleaned["sha256"].lower()
        return found
