"""Words for what goes wrong between Slipway and a host, and for what a host is warned about."""

from django.utils.translation import gettext_lazy as _

from controlplane.wording.failure_words import Text, Words
from models_app.domain.failures import FailureCode

_F = FailureCode
_KEEPS_TRYING = _("Slipway keeps trying; what runs there is left as it is.")
_CHECK_AGAIN = _("Test the connection again once that is mended.")

FAILURES: dict[str, Words] = {
    _F.IDENTITY_CHANGED: Words(
        (
            _("The host shows another identity than the one it was added with: {shown}."),
            _("The host shows another identity than the one it was added with."),
        ),
        (
            _("If the machine or its certificate was renewed, an admin accepts the new identity."),
            _("If not, somebody may be answering in its place: find out before you accept."),
        ),
    ),
    _F.HOST_TWICE: Words(
        (
            _("This is the Docker engine of the host {host}, which is here already."),
            _("Another host here is the same Docker engine."),
        ),
        (
            _("Use that host, or remove it: this one takes over by itself then."),
            _(
                "Two machines made from one image can share an engine's identity and their name:"
                " give one another name, or delete /etc/docker/key.json or"
                " /var/lib/docker/engine-id there and start Docker again."
            ),
        ),
    ),
    _F.NAME_UNRESOLVED: Words(
        (_("The name {name} does not lead to any address."), _("The name does not resolve.")),
        (_("Check the spelling, or give the machine's address instead of its name."),),
    ),
    _F.ADDRESS_FORBIDDEN: Words(
        (
            _("The name leads to {address}, where no host may be."),
            _("The name leads to an address where no host may be."),
        ),
        (_("Give an address of your network: not link-local, metadata or multicast."),),
    ),
    _F.CONNECTION_REFUSED: Words(
        (
            _("{address} refuses the connection: nothing listens on that port."),
            _("The connection is refused: nothing listens there."),
        ),
        (_("Check the port, and whether the service runs there and listens on that address."),),
    ),
    _F.CONNECTION_TIMEOUT: Words(
        (
            _("{address} does not answer in time."),
            _("The host does not answer in time."),
        ),
        (
            _("Check its power and network, and that no firewall drops the connection."),
            _KEEPS_TRYING,
        ),
    ),
    _F.CONNECTION_LOST: Words(
        (_("The host closed the connection before it had answered."),),
        (_("Check that the port belongs to the service that you chose."), _KEEPS_TRYING),
    ),
    _F.NO_ROUTE: Words(
        (
            _("There is no way through the network to {address}."),
            _("The network has no way there."),
        ),
        (_("Check the network of this machine and of the host."), _KEEPS_TRYING),
    ),
    _F.SOCKET_MISSING: Words(
        (_("There is no socket {path}."), _("The socket does not exist.")),
        (_("Check the path, and whether the Docker service runs there."),),
    ),
    _F.SOCKET_PERMISSION: Words(
        (
            _("Permission denied on the socket {path}."),
            _("Permission denied on the socket."),
        ),
        (
            _("Add the user to the group that owns the socket, usually docker, and start anew."),
            _CHECK_AGAIN,
        ),
    ),
    _F.TLS_NAME: Words(
        (
            _("The certificate is valid, but not for the name {name}."),
            _("The certificate is valid, but for another name."),
        ),
        (_("Use a name that the certificate holds, or make one that holds this name."),),
    ),
    _F.TLS_UNTRUSTED: Words(
        (
            _("The certificate is not signed by the authority you gave: {reason}."),
            _("The certificate is not signed by an authority that is trusted."),
        ),
        (_("Give the CA certificate that signed the host's certificate."),),
    ),
    _F.TLS_NOT_YET_VALID: Words(
        (_("The certificate is not valid yet."),),
        (_("Check the clocks of both machines, then the certificate's dates."),),
    ),
    _F.TLS_EXPIRED: Words(
        (_("The certificate has expired."),),
        (_("Renew the host's certificate; check the clocks if it should be valid."),),
    ),
    _F.TLS_CLIENT_REFUSED: Words(
        (_("The host does not accept Slipway's certificate."),),
        (_("Give a client certificate that is signed by the authority the host trusts."),),
    ),
    _F.TLS_FAILED: Words(
        (_("No encrypted connection comes about: {reason}."), _("No encrypted connection.")),
        (_("Check that the port speaks TLS, and from version 1.2 on."),),
    ),
    _F.SSH_AUTHENTICATION: Words(
        (
            _("The host does not accept the key of {user}."),
            _("The host does not accept the key."),
        ),
        (
            _("Add the public key to the user's authorized_keys on the host."),
            _("Check the user's name and the key's passphrase."),
        ),
    ),
    _F.SSH_FAILED: Words(
        (_("The SSH connection fails: {reason}."), _("The SSH connection fails.")),
        (_("Check that the port belongs to an SSH server, and read its log."), _KEEPS_TRYING),
    ),
    _F.CREDENTIAL_REFUSED: Words(
        (
            _("The server does not accept the credential (status {status})."),
            _("The server does not accept the credential."),
        ),
        (_("Replace the token, or the user name and password, of this host."),),
    ),
    _F.SECRET_UNREADABLE: Words(
        (_("The secret of this host cannot be decrypted with any key of the key ring."),),
        (
            _("Put the key ring back that this installation had."),
            _("Or edit the host and enter its secret again."),
        ),
    ),
    _F.API_TOO_OLD: Words(
        (
            _("Version {version} is too old; {needed} is needed at least."),
            _("The version that runs there is too old."),
        ),
        (_("Update it on the host."), _CHECK_AGAIN),
    ),
    _F.NOT_DOCKER: Words(
        (_("Something answers there, but not a Docker engine."),),
        (_("Check the address and the port."),),
    ),
    _F.NOT_OLLAMA: Words(
        (_("Something answers there, but not an Ollama server."),),
        (_("Check the address and the port; Ollama listens on 11434 unless told otherwise."),),
    ),
}

WARNINGS: dict[str, Text] = {
    "PUBLIC_ADDRESS": _(
        "It answers from a public address. Whoever reaches it may use it: close the port to the "
        "internet, or put it behind a VPN."
    ),
    "DOCKER_WITHOUT_TLS": _(
        "Docker is spoken to without TLS: every program of this machine may do the same, and that "
        "is as good as being root."
    ),
    "DOCKER_PLAIN_PORT_OPEN": _(
        "Port 2375 answers without TLS: whoever reaches it is root on that machine. Close it."
    ),
    "LIVE_RESTORE_OFF": _(
        "live-restore is off: a restart of the Docker service stops every model that runs there."
    ),
    "NO_MEMORY_CGROUP": _(
        "The kernel has no memory control group: memory limits of containers do not hold."
    ),
    "NO_CPU_CGROUP": _("The kernel has no CPU control group: CPU limits do not hold."),
    "NO_USERNS": _(
        "User namespaces are not remapped: root in a container is root's number outside."
    ),
    "GPU_TOOLKIT_MISSING": _(
        "There is a GPU, but Docker has no container toolkit for it: engines cannot use it."
    ),
    "HELPER_MISSING": _(
        "The small image that looks after the host, busybox:1.37, is not there and could not be "
        "fetched: disk and processor are unknown, and no model can be sent there. Load it there "
        "(docker load), or name a mirror or an image of the host's own for “helper”."
    ),
    "HELPER_PULLING": _(
        "The small image that looks after the host is being fetched: until it has come, disk and "
        "processor are unknown, and no model can be sent there."
    ),
    "HELPER_FAILED": _(
        "The container that looks after the host does not run: its name may be another's, or the "
        "disk full. Disk and processor are unknown, and no model can be sent there; what runs "
        "there goes on."
    ),
    "MEMORY_LIMITED_BY_CGROUP": _("A control group gives Slipway a part of the memory only."),
    "GPU_QUERY_FAILED": _("The GPU's driver is there, but does not answer."),
    "NO_AUTHENTICATION": _(
        "It also answers without the credential: whoever reaches it may use it. Let only the proxy "
        "that asks for it reach the server."
    ),
}


def warning_text(code: str) -> str:
    """Return the sentence of a host's warning; a code without one is shown as it is."""
    return str(WARNINGS.get(code, code))
