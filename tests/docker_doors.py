"""The two remote doors of a test's Docker engine: TLS on TCP, and a real sshd."""

import ipaddress
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

TLS_PORT = 2376
SSH_PORT = 22
PLAIN_PORT = 2375
# Enters as somebody who is in no group: the socket is not theirs to open.
WITHOUT_RIGHTS = (
    'command="exec setpriv --reuid=65534 --regid=65534 --clear-groups'
    ' /bin/sh -c \\"$SSH_ORIGINAL_COMMAND\\"" '
)
Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def certificate_pem(self) -> str:
        """The certificate as text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """The key as text."""
        return _pem(self.key)


class TlsDoor:
    """A certificate authority of its own, a server's certificate and a client's."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.authority = _kept(folder / "authority", authority)
        self.server = _kept(
            folder / "server", lambda: issue(self.authority, address, is_server=True)
        )
        self.client = _kept(
            folder / "client", lambda: issue(self.authority, "slipway", is_server=False)
        )

    def secret(self) -> dict[str, str]:
        """Return what a Docker host's secret holds."""
        return {
            "ca": self.authority.certificate_pem,
            "certificate": self.client.certificate_pem,
            "private_key": self.client.key_pem,
        }

    def dockerd_options(self, address: str) -> list[str]:
        """Write the files; return the engine's options."""
        files = {
            "ca.pem": self.authority.certificate_pem,
            "server.pem": self.server.certificate_pem,
            "server.key": self.server.key_pem,
        }
        for name, text in files.items():
            (self.folder / name).write_text(text)
        return [
            *("--host", f"tcp://{address}:{TLS_PORT}", "--tlsverify"),
            *("--tlscacert", str(self.folder / "ca.pem")),
            *("--tlscert", str(self.folder / "server.pem")),
            *("--tlskey", str(self.folder / "server.key")),
        ]


class SshDoor:
    """A host key, one key that may enter as root, and one that enters without rights."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.user = "root"
        self.host_key = _kept_key(folder / "host")
        self.client_key = _kept_key(folder / "client")
        self.powerless_key = _kept_key(folder / "powerless")

    @cached_property
    def host_key_line(self) -> str:
        """The host's public key, as it is pinned: `ssh-ed25519 AAAA...`."""
        return _public(self.host_key)

    def secret(self) -> dict[str, str]:
        """Return what a Docker host's secret holds."""
        return {"private_key": _ssh_pem(self.client_key)}

    def powerless_secret(self) -> dict[str, str]:
        """Return the secret of somebody who gets in, and may not open the socket."""
        return {"private_key": _ssh_pem(self.powerless_key)}

    def command(self, address: str) -> list[str]:
        """Write the files; return the server's command."""
        key, allowed = self.folder / "host_key", self.folder / "authorized_keys"
        key.write_text(_ssh_pem(self.host_key))
        lines = [_public(self.client_key), WITHOUT_RIGHTS + _public(self.powerless_key)]
        allowed.write_text("\n".join(lines) + "\n")
        key.chmod(0o600)
        allowed.chmod(0o600)
        os.makedirs("/run/sshd", exist_ok=True)  # noqa: PTH103 - where sshd drops its rights
        options = {
            "ListenAddress": f"{address}:{SSH_PORT}",
            "HostKey": key,
            "AuthorizedKeysFile": allowed,
            "PidFile": self.folder / "sshd.pid",
            "PermitRootLogin": "prohibit-password",
            "PasswordAuthentication": "no",
            "UsePAM": "no",
            "StrictModes": "no",
            "MaxSessions": "10",
        }
        command = ["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null"]
        for name, value in options.items():
            command += ["-o", f"{name}={value}"]
        return command


def _kept(path: Path, make: Callable[[], Pair]) -> Pair:
    """Return what was made before, else make it: the workers of a test run share a door."""
    if not path.exists():
        made = make()
        path.write_text(made.certificate_pem + made.key_pem)
        return made
    text = path.read_bytes()
    key = serialization.load_pem_private_key(text, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Pair(x509.load_pem_x509_certificate(text), key)


def _kept_key(path: Path) -> ed25519.Ed25519PrivateKey:
    if not path.exists():
        path.write_text(_ssh_pem(ed25519.Ed25519PrivateKey.generate()))
    key = serialization.load_ssh_private_key(path.read_bytes(), None)
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    return key


def authority(name: str = "slipway test CA") -> Pair:
    """Return a certificate authority of its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    made = (
        _builder(name, name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Pair(made.sign(key, hashes.SHA256()), key)


def issue(by: Pair, name: str, *, is_server: bool) -> Pair:
    """Return a certificate: a server's for an address or host name, or a client's."""
    key = ec.generate_private_key(ec.SECP256R1())
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if is_server else ExtendedKeyUsageOID.CLIENT_AUTH
    issuer = by.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key())
    made = (
        _builder(name, str(issuer), key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_alternative(name)]), critical=False)
        .add_extension(authority_key, critical=False)
    )
    return Pair(made.sign(by.key, hashes.SHA256()), key)


def _builder(subject: str, issuer: str, key: Key) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: Key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _ssh_pem(key: ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    ).decode()


def _public(key: ed25519.Ed25519PrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        .decode()
    )
