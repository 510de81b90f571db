"""Words for a field that is wrong, and for the kinds of things that errors name."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from controlplane.wording.error_tables.remedies import Text

FIELDS: dict[str, Text] = {
    "FIELD_REQUIRED": _("This is needed."),
    "FIELD_UNKNOWN": _("There is no such field."),
    "VALUE_INVALID": _("This value cannot be accepted."),
    "VALUE_OUT_OF_RANGE": _("This is out of its range."),
    "WRONG_TYPE": _("This is of the wrong type."),
    "NAME_INVALID": _("Use 1 to 48 lower-case letters, digits and hyphens."),
    "NAME_TAKEN": _("This name is taken."),
    "CONTEXT_TOO_LARGE": _("The model takes {limit} tokens at most."),
    "PARAMETERS_NOT_THERE": _("It can only be set in a container; the hosts named have none."),
    "UNSUPPORTED_FORMAT": _("This engine cannot serve it."),
    "HOST_UNKNOWN": _("There is no host {names}."),
    "MODEL_NAME_UNKNOWN": _("There is no {names}."),
    # --- connections of hosts
    "IDENTITY_NOT_CONFIRMED": _("Compare the fingerprint, then tick this."),
    "SECRET_ASKED_AGAIN": _("The address has changed: enter the credentials for it anew."),
    "TRANSPORT_UNKNOWN": _("Use unix, tcp or ssh."),
    "ADDRESS_INVALID": _("Give a name or an address, with a port: 10.0.0.5:2376."),
    "ADDRESS_FORBIDDEN": _("No host may be there: link-local, metadata or multicast."),
    "PLAIN_NOT_LOOPBACK": _("Without TLS only this machine itself: 127.0.0.1 or localhost."),
    "SERVER_URL_INVALID": _("Give an address like http://10.0.0.7:11434, without a user name."),
    "SOCKET_PATH_INVALID": _("Give an absolute path without .. in it: /var/run/docker.sock."),
    "LOGIN_NAME_INVALID": _("Give the name of a user of that machine."),
    "PUBLISH_ADDRESS_INVALID": _("Give a private or loopback address of the host."),
    "IMAGE_PREFIX_INVALID": _("Give a registry and a path: registry.lan/mirror/."),
    "IMAGE_INVALID": _("Give engine names with images: llamacpp, and local/llamacpp:dev."),
    "SECRET_MISSING": _("This is needed for this way of connecting."),
    "SECRET_UNUSABLE": _("This cannot be a credential of this kind."),
    "SECRET_NEEDS_TLS": _("A credential is sent over https only, or on this machine itself."),
    "SECRET_EITHER_OR": _("Give a token, or a user name and password, not both."),
    "CERTIFICATE_INVALID": _("This is not a certificate in PEM form."),
    "PRIVATE_KEY_INVALID": _("This is not a private key in PEM form."),
    "PRIVATE_KEY_OTHER": _("This key does not belong to the certificate."),
    "PRIVATE_KEY_ENCRYPTED": _("This key is encrypted; give it without a passphrase."),
    "PASSPHRASE_NEEDED": _("The private key is encrypted: give its passphrase."),
    "SHA256_INVALID": _("A SHA-256 has 64 hexadecimal digits."),
    "FILE_NAME_INVALID": _("A file name has no / or \\ in it and at most 120 characters."),
    "BUNDLED_UNKNOWN": _("No such model comes with Slipway."),
}

KINDS: dict[str, Text] = {
    "deployment": pgettext_lazy("kind", "deployment"),
    "revision": pgettext_lazy("kind", "revision"),
    "replica": pgettext_lazy("kind", "replica"),
    "host": pgettext_lazy("kind", "host"),
    "host_model": pgettext_lazy("kind", "model on that host"),
    "model": pgettext_lazy("kind", "model"),
    "artifact": pgettext_lazy("kind", "artifact"),
    "placement": pgettext_lazy("kind", "placement"),
    "operation": pgettext_lazy("kind", "operation"),
    "event": pgettext_lazy("kind", "event"),
    "engine": pgettext_lazy("kind", "engine"),
    "user": pgettext_lazy("kind", "user"),
    "token": pgettext_lazy("kind", "token"),
    "gateway_key": pgettext_lazy("kind", "gateway key"),
    "alias": pgettext_lazy("kind", "alias"),
    "chat": pgettext_lazy("kind", "chat"),
    "upload": pgettext_lazy("kind", "upload"),
    "fragment": pgettext_lazy("kind", "part of the page"),
}
