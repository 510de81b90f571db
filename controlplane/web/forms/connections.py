"""The part of a host's form that says how it is reached; its secrets are never shown again."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from controlplane.web.forms.key_values import KeyValuesField
from models_app.domain.connections import DOCKER_SOCKET, Transport

_PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
_DOCKER = ("publish_on", "image_prefix", "images")
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "process": (),
    "ollama": ("url",),
    "unix": ("path", *_DOCKER),
    "tcp": ("address", "plain", *_DOCKER),
    "ssh": ("address", "user", "path", *_DOCKER),
}
# What the services call a part of the secret -> the form's field for it.
_SECRETS: Mapping[str, Mapping[str, str]] = {
    "process": {},
    "unix": {},
    "ollama": {"bearer": "bearer", "username": "username", "password": "password"},
    "tcp": {"ca": "ca", "certificate": "certificate", "private_key": "tls_key"},
    "ssh": {"private_key": "ssh_key", "passphrase": "passphrase"},
}


_NEEDED = ("transport", "address", "user", "url", "ca", "certificate", "tls_key", "ssh_key")


class SecretText(forms.Textarea):
    """A text area that never shows what it was given."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Leave the value out."""
        del value
        return super().get_context(name, None, attrs)


def _text(label: Any, help_text: Any = "", **attrs: str) -> forms.CharField:
    widget = forms.TextInput(attrs=_PLAIN | attrs)
    return forms.CharField(label=label, required=False, help_text=help_text, widget=widget)


class PemField(forms.CharField):
    """A key or certificate as text. A browser ends its lines in one way when a form is sent and in
    another when a script sends it: what was tested must be what is added.
    """

    def to_python(self, value: Any) -> str:
        """Return it with plain ends of lines."""
        return "\n".join(str(super().to_python(value) or "").splitlines())


def _pem(label: Any, help_text: Any = "") -> forms.CharField:
    widget = SecretText(attrs=_PLAIN | {"rows": "3", "class": "mono"})
    return PemField(label=label, required=False, help_text=help_text, widget=widget)


def _word(label: Any, help_text: Any = "") -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(
        label=label, required=False, help_text=help_text, widget=widget, strip=False
    )


class ConnectionForm(forms.Form):
    """How a host is reached. `runtime_key` comes from the form's own field or from the host."""

    transport = forms.ChoiceField(
        label=_("Reached by"),
        required=False,
        initial=Transport.UNIX,
        choices=[
            (Transport.UNIX.value, _("A socket of this machine")),
            (Transport.SSH.value, _("SSH")),
            (Transport.TCP.value, _("TCP with TLS")),
        ],
        widget=forms.RadioSelect,
    )
    path = _text(_("Path of the socket"), placeholder=DOCKER_SOCKET)
    address = _text(
        _("Address"), _("Name or address with the port: 10.0.0.5:2376, or :22 for SSH.")
    )
    user = _text(_("User"), _("It must be allowed to use Docker there."), placeholder="ops")
    plain = forms.BooleanField(
        label=_("Without TLS"),
        required=False,
        help_text=_("For this machine itself only; every program here could then use it."),
    )
    url = _text(
        _("Address of the Ollama server"),
        _("http in your own network, https with a credential everywhere else."),
        placeholder="http://10.0.0.7:11434",
    )
    ca = _pem(_("CA certificate"), _("PEM. Whoever signed the host's certificate."))
    certificate = _pem(_("Client certificate"), _("PEM. What Slipway shows to the host."))
    tls_key = _pem(_("Key of the client certificate"), _("PEM, without a passphrase."))
    ssh_key = _pem(_("Private SSH key"), _("As ssh-keygen writes it."))
    passphrase = _word(_("Passphrase of the key"))
    bearer = _word(_("Token"), _("If a proxy before Ollama asks for one."))
    username = _text(_("User name"), _("Or a user name with a password."))
    password = _word(_("Password"))
    publish_on = _text(
        _("Publish models on"),
        _("Private address of the host that engines listen on. Empty: the one it is reached by."),
        placeholder="10.0.0.5",
    )
    image_prefix = _text(
        _("Mirror for images"),
        _("Put before every image's name."),
        placeholder="registry.lan/mirror/",
    )
    images = KeyValuesField(
        label=_("Own images"),
        required=False,
        help_text=_("One a line: llamacpp=local/llamacpp:dev. Instead of the engine's own image."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in _NEEDED:  # where they are shown; which are is for the parser to say
            self.fields[name].is_needed = True  # type: ignore[attr-defined]

    @property
    def runtime_key(self) -> str:
        """Which runtime the fields are for."""
        raise NotImplementedError

    def connection(self) -> dict[str, Any]:
        """Return what was filled in of the fields that belong to this way of connecting."""
        given = {name: self.cleaned_data[name] for name in _FIELDS[self._way()]}
        kept = {name: value for name, value in given.items() if value}
        if self.runtime_key == "docker":
            kept["transport"] = self._way()
        return kept

    def secret(self) -> dict[str, str]:
        """Return what was filled in of the secret."""
        names = _SECRETS[self._way()]
        return {
            name: self.cleaned_data[own] for name, own in names.items() if self.cleaned_data[own]
        }

    def own_names(self) -> dict[str, str]:
        """Return the services' names of fields that this form calls otherwise."""
        secrets = _SECRETS[self._way()]
        return {**secrets, "secret": next(iter(secrets.values()), "transport")}

    def _way(self) -> str:
        if self.runtime_key != "docker":
            return self.runtime_key
        return str(self.cleaned_data.get("transport") or Transport.UNIX)
