"""How a host is reached, as its page shows it: never a secret."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from models_app.domain.identities import fingerprint
from models_app.models import Host

_LABELS: dict[str, str | Promise] = {
    "transport": _("Reached by"),
    "address": _("Address"),
    "url": _("Address"),
    "user": _("User"),
    "path": _("Socket"),
    "plain": _("Without TLS"),
    "publish_on": _("Publishes models on"),
    "image_prefix": _("Mirror for images"),
    "images": _("Own images"),
}
_TRANSPORTS: dict[str, str | Promise] = {
    "unix": _("a socket of this machine"),
    "ssh": _("SSH"),
    "tcp": _("TCP with TLS"),
}


def reach_context(host: Host) -> dict[str, Any]:
    """Return the lines that say where the host is, and the fingerprint it is trusted by."""
    kept = host.connection
    return {
        "connection": [
            (label, _shown(name, kept[name])) for name, label in _LABELS.items() if kept.get(name)
        ],
        "fingerprint": fingerprint(host.identity),
    }


def _shown(name: str, value: Any) -> str:
    if name == "transport":
        return str(_TRANSPORTS.get(value, value))
    if name == "plain":
        return str(_("yes"))
    if isinstance(value, dict):
        return ", ".join(f"{engine}={image}" for engine, image in sorted(value.items()))
    return str(value)
