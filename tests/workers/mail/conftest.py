"""Real mail servers: an IMAP server in a process of its own with TLS, and an SMTP server in this one."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import imaplib
import ipaddress
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.ports import free_port
from tests.waiting import eventually

USER, PASSWORD = "ada", "a password of the tests"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that only those trust who are given it; the paths of it and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


class ImapServer:
    """What a test does on the server beside the job."""

    def __init__(self, port: int, certificate: Path) -> None:
        self.port, self._certificate = port, certificate
        self.url = f"imap://{USER}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{port}/INBOX"

    @contextlib.contextmanager
    def _box(self) -> Iterator[imaplib.IMAP4]:
        box = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
        try:
            box.starttls(ssl.create_default_context(cafile=str(self._certificate)))
            box.login(USER, PASSWORD)
            yield box
        finally:
            box.logout()

    def deliver(self, *mails: bytes, folder: str = "INBOX") -> None:
        with self._box() as box:
            for mail in mails:
                status, answer = box.append(folder, None, None, mail.replace(b"\n", b"\r\n"))  # type: ignore[arg-type]
                assert status == "OK", answer

    def make(self, folder: str) -> None:
        with self._box() as box:
            assert box.create(folder)[0] == "OK"

    def remake(self, folder: str) -> None:
        with self._box() as box:
            assert box.delete(folder)[0] == "OK"
            assert box.create(folder)[0] == "OK"


@pytest.fixture
async def imap(certificate: tuple[Path, Path], trusted: None, tmp_path: Path) -> AsyncIterator[ImapServer]:
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("pymap")),
        *("--host", "127.0.0.1", "--port", str(port), "--cert", str(certificate[0]), "--key", str(certificate[1])),
        *("--no-service", "admin", "--no-service", "managesieve"),
        *("dict", "--demo-data", "--demo-user", USER, "--demo-password", PASSWORD),
    ]
    with (tmp_path / "imap.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)

        def up() -> bool:
            assert process.returncode is None, (tmp_path / "imap.log").read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                return True
            return False

        await eventually(up, timeout=20)
        yield ImapServer(port, certificate[0])
        process.kill()
        await process.wait()


class Inbox:
    """What the SMTP server took, and how it answers."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.refused: dict[str, str] = {}
        self.answer_to_data: str | None = None
        self.break_after_data = False
        self.at_data: Callable[[], None] = lambda: None
        self.signed_in: list[bytes] = []
        self.connections: set[Any] = set()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer_to_data:
            return self.answer_to_data
        self.mails.append(envelope.content)
        await asyncio.to_thread(self.at_data)
        if self.break_after_data:
            server.transport.abort()
        return "250 taken"

    def authenticate(self, server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.connections.add(server.transport)
        self.signed_in.append(data.login)
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)


@pytest.fixture
async def silent_server() -> AsyncIterator[tuple[int, list[Any]]]:
    """A server that takes connections and never says a word: its port, and who has come."""
    guests: list[asyncio.StreamWriter] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        guests.append(writer)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], guests
    for guest in guests:
        guest.close()
    server.close()
    await server.wait_closed()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def smtp(inbox: Inbox, certificate: tuple[Path, Path], trusted: None) -> Iterator[str]:
    """The URL of an SMTP server that begins TLS and wants a sign-in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, certificate))
    port = free_port()
    controller = Controller(
        inbox, hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True, auth_required=True,
        authenticator=inbox.authenticate,
    )  # fmt: skip
    controller.start()
    yield f"smtp://{USER}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{port}"

    async def disconnect() -> None:
        for connection in inbox.connections:
            connection.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    # The server forgets connections that its clients have left open.
    asyncio.run_coroutine_threadsafe(disconnect(), controller.loop).result(10)
    controller.stop()
