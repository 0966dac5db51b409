"""Calls between two lines, set up to the point where a test begins."""

from typing import TypeVar

from callcenter.domain.units import MILLISECOND, SECOND
from callcenter.sip.endpoint import Call, Credentials, IncomingCall
from callcenter.sip.events import SipEvent
from callcenter.sip.headers import Headers
from callcenter.sip.message import Request
from tests.sip.network import ANSWER_SDP, CALLED, CALLER, SDP, Line, Network, pair

E = TypeVar("E", bound=SipEvent)
STEP = 20 * MILLISECOND
"""Long enough for a message and its answer."""
LINGER = 100 * SECOND
"""Long enough for everything that waits to be over."""


class Stage:
    """A caller, a called, the road, and their call."""

    def __init__(self, caller: Line, called: Line, network: Network) -> None:
        self.caller, self.called, self.network = caller, called, network
        self.out: Call

    @property
    def now(self) -> int:
        """The time on the road."""
        return self.network.now

    @property
    def come(self) -> Call:
        """The call as the called one has it."""
        event = self.called.told(IncomingCall)[-1]
        assert isinstance(event, IncomingCall)
        return event.call

    def invite(
        self,
        sdp: bytes | None = SDP,
        credentials: Credentials | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        route_set: tuple[str, ...] = (),
    ) -> Call:
        """The caller calls; nothing has arrived yet."""
        self.out = self.caller.endpoint.invite(
            to_uri="sip:b@192.0.2.2",
            request_uri="sip:b@192.0.2.2:5060",
            from_addr='"A" <sip:a@192.0.2.1>',
            flow=self.network.flow(CALLER, CALLED),
            sdp=sdp,
            now=self.now,
            credentials=credentials,
            headers=headers,
            route_set=route_set,
        )
        return self.out

    def step(self, span: int = STEP) -> None:
        """Let what is on the road arrive and be answered."""
        self.network.run(span)

    def set_up(self, sdp: bytes | None = SDP) -> None:
        """A call that both know to be up."""
        self.invite(sdp)
        self.step()
        self.come.ringing(self.now)
        self.step()
        self.come.answer(ANSWER_SDP, self.now)
        self.step()

    def end(self) -> None:
        """Let everything run out, and see that nothing is left."""
        self.step(LINGER)
        for line in (self.caller, self.called):
            assert line.endpoint.calls == []
            assert line.endpoint.transactions == 0
            assert line.endpoint.deadline is None

    def names(self) -> tuple[list[str], list[str]]:
        """What each side was told, by name."""
        return self.caller.names(), self.called.names()


def stage(**weather: float | str) -> Stage:
    """A stage with this weather."""
    return Stage(*pair(**weather))


def last(line: Line, kind: type[E]) -> E:
    """The last event of a kind."""
    event = line.told(kind)[-1]
    assert isinstance(event, kind)
    return event


def a_request(method: str, *fields: tuple[str, str], body: bytes = b"", **over: str) -> bytes:
    """A request as a stranger at 192.0.2.1 writes it; `over` replaces fields (`Call_ID`)."""
    lines = {
        "Via": "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKstranger",
        "Max-Forwards": "70",
        "From": "<sip:a@192.0.2.1>;tag=a",
        "To": "<sip:b@192.0.2.2>",
        "Call-ID": "stranger",
        "CSeq": f"1 {method}",
        "Contact": "<sip:a@192.0.2.1:5060>",
    }
    lines |= {name.replace("_", "-"): value for name, value in over.items()}
    headers = Headers([(k, v) for k, v in lines.items() if v])
    for name, value in fields:
        headers.add(name, value)
    return Request(method, "sip:b@192.0.2.2", headers, body).encode()
