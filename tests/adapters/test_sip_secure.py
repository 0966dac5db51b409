"""SIP inside TLS and WebSocket, over real sockets on loopback."""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop
from twisted.internet.ssl import Certificate as TrustedCertificate
from twisted.internet.ssl import PrivateCertificate, optionsForClientTLS
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, RejectConnection, Request, TextMessage

from callcenter.adapters.certificates import (
    CertificateError,
    CertificateFiles,
    Certificates,
    TrunkProof,
)
from callcenter.adapters.sip_transport import SipTransports
from tests.adapters.authority import Authority
from tests.adapters.test_sip_transport import Bench, message


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(request.param())
    yield made
    made.end()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def trusting(authority: Authority, client: CertificateFiles | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.file))
    context.set_alpn_protocols(["http/1.1"])  # as browsers do
    if client is not None:
        context.load_cert_chain(client.certificate, client.key)
    return context


class SecurePhone:
    """A TLS peer that is not Twisted: the standard library's, driven by asyncio."""

    def __init__(
        self, bench: Bench, address: tuple[str, int], context: ssl.SSLContext, host: str
    ) -> None:
        self.bench = bench
        opening = asyncio.open_connection(*address, ssl=context, server_hostname=host)
        self.reader, self.writer = bench.run(opening)

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def hear(self, size: int = 65_536) -> bytes:
        return self.bench.run(self.reader.read(size))

    @property
    def certificate(self) -> str:
        """The first name in the certificate that we showed."""
        found = self.writer.get_extra_info("peercert")
        return str(found["subjectAltName"][0][1])

    def close(self) -> None:
        self.writer.close()


def serve(bench: Bench, certificates: Certificates) -> tuple[SipTransports, tuple[str, int]]:
    transports = bench.transports()
    return transports, transports.add_tls_listener(bench.listener(), certificates)


def test_a_message_comes_in_over_tls_and_is_answered_over_it(
    bench: Bench, authority: Authority
) -> None:
    transports, ours = serve(bench, Certificates([authority.issue("sip.example.test")]))
    phone = SecurePhone(bench, ours, trusting(authority), "sip.example.test")
    phone.send(message(1))
    bench.until(lambda: bench.received)
    data, flow = bench.received[0]
    assert (data, flow.transport, flow.local) == (message(1), "tls", ours)
    transports.send(flow, b"answer")
    assert phone.hear() == b"answer"
    phone.close()
    bench.until(lambda: bench.closed)
    assert bench.closed == [flow]


def test_messages_are_cut_apart_wherever_the_stream_is_cut(
    bench: Bench, authority: Authority
) -> None:
    _, ours = serve(bench, Certificates([authority.issue("sip.example.test")]))
    phone = SecurePhone(bench, ours, trusting(authority), "sip.example.test")
    both = message(1, b"body") + b"\r\n\r\n" + message(2)
    for part in (both[:7], both[7:300], both[300:]):
        phone.send(part)
        bench.run(asyncio.sleep(0.01))
    bench.until(lambda: len(bench.received) == 2)
    assert [data for data, _ in bench.received] == [message(1, b"body"), message(2)]
    assert phone.hear() == b"\r\n"


def test_the_host_that_a_peer_names_chooses_the_certificate(
    bench: Bench, authority: Authority
) -> None:
    certificates = Certificates(
        [authority.issue("sip.example.test"), authority.issue("*.other.test")]
    )
    _, ours = serve(bench, certificates)
    for host, shown in (
        ("sip.example.test", "sip.example.test"),
        ("pbx.other.test", "*.other.test"),
    ):
        phone = SecurePhone(bench, ours, trusting(authority), host)
        assert phone.certificate == shown
        phone.close()


def test_tls_older_than_1_2_is_refused(bench: Bench, authority: Authority) -> None:
    transports, ours = serve(bench, Certificates([authority.issue("sip.example.test")]))
    old = trusting(authority)
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        SecurePhone(bench, ours, old, "sip.example.test")
    bench.until(lambda: transports.counts["tls_handshake_failed"])


def test_a_changed_certificate_is_shown_to_the_next_peer_without_a_restart(
    bench: Bench, authority: Authority
) -> None:
    certificates = Certificates([authority.issue("old.test", file="ours")])
    _, ours = serve(bench, certificates)
    assert not certificates.renew()
    before = SecurePhone(bench, ours, trusting(authority), "old.test")
    authority.issue("new.test", file="ours")
    assert certificates.renew()
    assert SecurePhone(bench, ours, trusting(authority), "new.test").certificate == "new.test"
    before.send(message(1))
    bench.until(lambda: bench.received)


def test_a_broken_certificate_changes_nothing(bench: Bench, authority: Authority) -> None:
    files = authority.issue("sip.test", file="ours")
    certificates = Certificates([files])
    _, ours = serve(bench, certificates)
    files.certificate.write_text("no certificate")
    with pytest.raises(CertificateError, match=r"ours\.pem holds no certificate"):
        certificates.renew()
    assert not certificates.renew(), "told once"
    assert SecurePhone(bench, ours, trusting(authority), "sip.test").certificate == "sip.test"


def test_a_key_of_another_certificate_is_told(authority: Authority) -> None:
    ours, others = authority.issue("a.test"), authority.issue("b.test")
    with pytest.raises(CertificateError, match=r"b\.test\.key is not the key of .*a\.test\.pem"):
        Certificates([CertificateFiles(ours.certificate, others.key)])


def test_a_trunk_is_known_by_its_certificate_and_its_own_authority_alone(
    tmp_path: Path, authority: Authority
) -> None:
    loop = asyncio.new_event_loop()
    bench = Bench(loop)
    carrier = Authority(tmp_path, "Carrier")
    other = Authority(tmp_path, "Other Carrier")
    certificates = Certificates(
        [authority.issue("sip.test")],
        [
            TrunkProof("carrier", "sbc.carrier.test", carrier.file),
            TrunkProof("other", "sbc.other.test", other.file),
        ],
    )
    proven: list[str] = []
    transports = SipTransports(
        bench.reactor,
        bench.loop,
        bench._on_data,
        bench._on_closed,
        on_proven=lambda _, name: proven.append(name),
    )
    bench._open.append(transports)
    ours = transports.add_tls_listener(bench.listener(), certificates)
    good = carrier.issue("sbc.carrier.test")
    forged = carrier.issue("sbc.other.test")
    over = carrier.issue("sbc.carrier.test", file="over", days=-1)
    for client in (good, forged, over, None):
        phone = SecurePhone(bench, ours, trusting(authority, client), "sip.test")
        phone.send(message(1))
        phone.close()
    bench.until(lambda: len(bench.closed) == 4)
    assert proven == ["carrier"]
    bench.end()


def test_we_connect_to_a_trunk_whose_certificate_is_good(
    bench: Bench, authority: Authority
) -> None:
    ours, theirs = authority.issue("sip.test"), authority.issue("sbc.carrier.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(theirs.certificate, theirs.key)
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    heard: list[bytes] = []

    async def carrier(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65_536))
        writer.write(message(2))

    server = bench.run(asyncio.start_server(carrier, "127.0.0.1", 0, ssl=context))
    there = server.sockets[0].getsockname()
    proven = []
    transports = SipTransports(
        bench.reactor,
        bench.loop,
        bench._on_data,
        bench._on_closed,
        on_proven=lambda flow, trunk: proven.append((flow, trunk)),
    )
    bench._open.append(transports)

    def creator(host: str) -> object:
        return optionsForClientTLS(
            host,
            TrustedCertificate.loadPEM(authority.file.read_bytes()),
            PrivateCertificate.loadPEM(  # type: ignore[no-untyped-call]
                ours.key.read_bytes() + ours.certificate.read_bytes()
            ),
        )

    transports.connect_tls(there, creator("evil.test"), "carrier")
    bench.until(lambda: bench.closed)
    assert not proven
    transports.connect_tls(there, creator("sbc.carrier.test"), "carrier")

    async def come() -> None:
        while not proven:
            await asyncio.sleep(0.01)

    bench.run(come())
    flow = proven[0][0]
    assert proven == [(flow, "carrier")]
    assert flow.remote == there
    transports.send(flow, message(1))
    bench.until(lambda: bench.received)
    assert heard[-1] == message(1)
    assert bench.received == [(message(2), flow)]
    server.close()


def test_a_peer_that_never_finishes_its_handshake_is_hung_up_on(
    bench: Bench, authority: Authority
) -> None:
    transports = bench.transports(first_message_seconds=0.1)
    ours = transports.add_tls_listener(
        bench.listener(), Certificates([authority.issue("sip.test")])
    )
    slow = bench.phone(ours)
    slow.send(b"\x16\x03\x01")
    bench.until(lambda: bench.closed)
    assert transports.counts["tls_first_message_timeout"] == 1
    assert transports.connections == 0


def test_half_a_message_is_not_waited_for_for_ever(bench: Bench, authority: Authority) -> None:
    transports = bench.transports(rest_of_message_seconds=0.1)
    ours = transports.add_tls_listener(
        bench.listener(), Certificates([authority.issue("sip.test")])
    )
    phone = SecurePhone(bench, ours, trusting(authority), "sip.test")
    phone.send(message(1) + message(2)[:50])
    bench.until(lambda: bench.closed)
    assert transports.counts["tls_message_timeout"] == 1


def test_what_is_no_sip_is_answered_and_hung_up_on(bench: Bench, authority: Authority) -> None:
    transports, ours = serve(bench, Certificates([authority.issue("sip.test")]))
    phone = SecurePhone(bench, ours, trusting(authority), "sip.test")
    phone.send(message(1).replace(b"Content-Length: 0", b"Content-Length: x"))
    assert phone.hear().startswith(b"SIP/2.0 400 ")
    bench.until(lambda: bench.closed)
    assert transports.counts["tls_bad_framing"] == 1


def test_one_address_may_begin_only_so_many_handshakes(bench: Bench, authority: Authority) -> None:
    transports = bench.transports(handshakes_per_host_burst=3, handshakes_per_host_per_second=0.01)
    ours = transports.add_tls_listener(
        bench.listener(), Certificates([authority.issue("sip.test")])
    )
    strangers = [bench.phone(ours) for _ in range(5)]
    refused = "tls_refused_too_many_handshakes"

    async def come() -> None:
        while transports.counts[refused] < 2:
            await asyncio.sleep(0.01)

    bench.run(come())
    assert transports.counts["tls_accepted"] == 3
    assert len(strangers) == 5


# ---- WebSocket -----------------------------------------------------------------------------------


class Browser:
    """A WebSocket peer: wsproto's client side inside the standard library's TLS."""

    def __init__(
        self,
        bench: Bench,
        address: tuple[str, int],
        authority: Authority,
        *,
        origin: str | None = "https://desk.test",
        subprotocols: tuple[str, ...] = ("sip",),
    ) -> None:
        self.phone = SecurePhone(bench, address, trusting(authority), "sip.test")
        self.ws = WSConnection(ConnectionType.CLIENT)
        headers = [(b"Origin", origin.encode())] if origin is not None else []
        asked = Request(
            host="sip.test", target="/", subprotocols=list(subprotocols), extra_headers=headers
        )
        self.phone.send(self.ws.send(asked))
        self.answer = self.next()

    def next(self) -> object:
        while True:
            for event in self.ws.events():
                return event
            self.ws.receive_data(self.phone.hear() or None)

    def send(self, text: str, *, whole: bool = True) -> None:
        self.phone.send(self.ws.send(TextMessage(data=text, message_finished=whole)))


def wss(bench: Bench, authority: Authority) -> tuple[SipTransports, tuple[str, int]]:
    transports = bench.transports()
    certificates = Certificates([authority.issue("sip.test")])
    admits = {None, "https://desk.test"}.__contains__
    return transports, transports.add_wss_listener(bench.listener(), certificates, admits)


def test_a_browser_speaks_sip_over_a_secure_websocket(bench: Bench, authority: Authority) -> None:
    transports, ours = wss(bench, authority)
    browser = Browser(bench, ours, authority)
    assert isinstance(browser.answer, AcceptConnection)
    assert browser.answer.subprotocol == "sip"
    browser.send("OPTIONS sip:", whole=False)
    browser.send("cc.test SIP/2.0\r\n\r\n")
    bench.until(lambda: bench.received)
    data, flow = bench.received[0]
    assert data == b"OPTIONS sip:cc.test SIP/2.0\r\n\r\n"
    assert (flow.transport, flow.reliable, flow.stream) == ("wss", True, False)
    assert flow.parameter == ";transport=ws"
    transports.send(flow, b"SIP/2.0 200 OK\r\n\r\n")
    answer = browser.next()
    assert isinstance(answer, TextMessage)
    assert answer.data == "SIP/2.0 200 OK\r\n\r\n"


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "https://desk.test.evil.test"])
def test_a_page_that_is_not_ours_is_refused(
    bench: Bench, authority: Authority, origin: str
) -> None:
    transports, ours = wss(bench, authority)
    browser = Browser(bench, ours, authority, origin=origin)
    assert isinstance(browser.answer, RejectConnection)
    assert browser.answer.status_code == 403
    bench.until(lambda: bench.closed)
    assert transports.counts["wss_foreign_origin"] == 1
    assert not bench.received


def test_a_websocket_that_does_not_speak_sip_is_refused(bench: Bench, authority: Authority) -> None:
    _, ours = wss(bench, authority)
    browser = Browser(bench, ours, authority, subprotocols=("chat",))
    assert isinstance(browser.answer, RejectConnection)
    assert browser.answer.status_code == 400


def test_a_message_that_is_too_large_ends_the_websocket(bench: Bench, authority: Authority) -> None:
    transports, ours = wss(bench, authority)
    browser = Browser(bench, ours, authority)
    browser.send("x" * 40_000, whole=False)
    browser.send("x" * 40_000)
    closed = browser.next()
    assert isinstance(closed, CloseConnection)
    assert closed.code == 1009
    bench.until(lambda: bench.closed)
    assert transports.counts["wss_message_too_large"] == 1


def test_what_is_no_websocket_is_hung_up_on(bench: Bench, authority: Authority) -> None:
    transports, ours = wss(bench, authority)
    phone = SecurePhone(bench, ours, trusting(authority), "sip.test")
    phone.send(message(1))
    bench.until(lambda: bench.closed)
    assert transports.counts["wss_bad_framing"] == 1
    assert not bench.received


def test_nothing_is_sent_over_a_connection_that_is_gone(bench: Bench, authority: Authority) -> None:
    transports, ours = serve(bench, Certificates([authority.issue("sip.test")]))
    phone = SecurePhone(bench, ours, trusting(authority), "sip.test")
    phone.send(message(1))
    bench.until(lambda: bench.received)
    flow = bench.received[0][1]
    assert transports.is_open(flow)
    phone.writer.transport.abort()
    bench.until(lambda: bench.closed)
    assert not transports.is_open(flow)
    transports.send(flow, b"too late")
    bench.until(lambda: len(bench.closed) == 2)
    assert transports.counts["tls_gone"] == 1
