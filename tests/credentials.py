"""Keys and certificates made for tests: an authority, a client, SSH keys."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: str
    private_key: str


def client_secret() -> dict[str, str]:
    """What a Docker host on TCP needs."""
    authority_key = generate_private_key(SECP256R1())
    authority = _certificate("Test authority", authority_key, "Test authority", authority_key)
    pair = signed_pair("slipway", authority_key)
    return {
        "ca": authority.public_bytes(Encoding.PEM).decode(),
        "certificate": pair.certificate,
        "private_key": pair.private_key,
    }


def signed_pair(name: str, authority_key: EllipticCurvePrivateKey) -> Pair:
    """A certificate of that name, signed by the authority."""
    key = generate_private_key(SECP256R1())
    certificate = _certificate(name, key, "Test authority", authority_key)
    return Pair(
        certificate.public_bytes(Encoding.PEM).decode(),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    )


def ssh_private_key(passphrase: str = "") -> str:
    """An Ed25519 key as ssh-keygen writes it."""
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase:
        encryption = BestAvailableEncryption(passphrase.encode())
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, encryption).decode()


def ssh_host_key() -> str:
    """A host's public key as known_hosts has it."""
    key = Ed25519PrivateKey.generate().public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _certificate(
    name: str, key: EllipticCurvePrivateKey, issuer: str, signer: EllipticCurvePrivateKey
) -> x509.Certificate:
    now = datetime.now(UTC)

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(issuer))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1))
    return builder.not_valid_after(now + timedelta(days=1)).sign(signer, SHA256())
