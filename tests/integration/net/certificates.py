"""Certificates for both ends of a connection on this machine."""

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate for 127.0.0.1 as both sides of TLS see it."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    other_name: ssl.SSLContext


def certificate(folder: Path, name: str, *, days: float = 1) -> Path:
    """Return a file with a new certificate for an address, and its key; it ends in so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file


def certify(folder: Path) -> Certified:
    """Return contexts around two certificates that the client trusts, one of them for another address."""
    right, wrong = certificate(folder, "127.0.0.1"), certificate(folder, "127.0.0.2")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(right)
    other_name = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    other_name.load_cert_chain(wrong)
    client = ssl.create_default_context(cafile=str(right))
    client.load_verify_locations(cafile=str(wrong))
    return Certified(server=server, client=client, other_name=other_name)
