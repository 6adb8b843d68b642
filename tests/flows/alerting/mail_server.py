"""A real SMTP server, with TLS and login where asked, that keeps what it takes and can be told to fail at each step of a conversation."""

from __future__ import annotations

import asyncio
import datetime as dt
import email
import ipaddress
import socket
import ssl
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PASSWORD = "P4ss-never-shown"


@dataclass
class Mailbox:
    """faults: what happens to the next messages. taken: what came in, with its recipients."""

    faults: deque[str] = field(default_factory=deque)
    taken: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    port: int = 0

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if self.faults and self.faults[0] == "busy":
            self.faults.popleft()
            return "451 4.3.2 too busy, try later"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("grey") and self.faults and self.faults.popleft() == "grey":
            return "450 4.2.0 greylisted, try later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        fault = self.faults.popleft() if self.faults else ""
        if fault == "refuse":
            return "554 5.7.1 looks like spam"
        if fault == "full":
            return "452 4.3.1 no space left"
        if fault == "too large":
            return "552 5.3.4 message size exceeds fixed limit"
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        self.recipients.append(list(envelope.rcpt_tos))
        if fault == "cut, taken":
            assert server.transport is not None
            server.transport.abort()
        if fault == "silent, taken":
            await asyncio.sleep(3.0)
        return "250 2.0.0 kept"


@contextmanager
def mail_server(folder: Path, *, security: str = "none", login: bool = False) -> Iterator[Mailbox]:
    """A server on 127.0.0.1; its certificate is <folder>/server.pem."""
    box, context = Mailbox(), None
    if security != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate(folder))

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"meridian", PASSWORD.encode()), handled=False)

    class Server(Controller):
        def factory(self) -> SMTP:
            return SMTP(self.handler, tls_context=context if security == "starttls" else None, require_starttls=security == "starttls",
                        authenticator=authenticate if login else None, auth_required=login, auth_require_tls=security == "starttls", decode_data=False)

        def _trigger_server(self) -> None:             # the original knows the port that was asked for, which is 0
            assert self.server is not None
            socket.create_connection(self.server.sockets[0].getsockname()).close()

    server = Server(box, hostname="127.0.0.1", port=0, ssl_context=context if security == "tls" else None)
    server.start()
    try:
        assert server.server is not None
        box.port = server.server.sockets[0].getsockname()[1]
        yield box
    finally:
        server.stop()


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 with its key, in one file."""
    path = folder / "server.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256()))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path
