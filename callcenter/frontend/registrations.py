"""We register with lines that want to be told where we are.

    asked ──200──► registered ──before it ends──► asked again
      └── refused, no answer, no road ──► pause (ever longer) ──► asked again

Why: a provider that knows its customers by an account sends calls to where that account registered
last, and nowhere else. So the registration is renewed well before it ends, spread in time so that
many front ends do not ask in one moment, and a line that does not answer is not hammered. While it
is not known to stand, that is a figure of its own: calls that do not come make no noise.

A refusal for a wrong password ends in the same pauses: whoever repairs the account at the provider
need not come to us. A second challenge is never answered with the same password again.

Sources: RFC 3261 10.2 (10.2.1: Call-ID and CSeq counted on; 10.2.4 refresh; 10.3: 423), RFC 5626
4.5 (pauses after failures).
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from callcenter.domain.units import SECOND, Micros
from callcenter.frontend.hands import Hands
from callcenter.frontend.turn import Trunk
from callcenter.sip import endpoint as sip
from callcenter.sip.errors import SipError
from callcenter.sip.flow import Flow
from callcenter.sip.headers import NameAddr, parse_name_addr, split_list
from callcenter.sip.message import Response

PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX = 5, 300
"""After the first failure, and after many."""
EXPIRES_SECONDS_MIN, EXPIRES_SECONDS_MAX = 30, 86_400
"""What is believed of a registrar that grants less or more."""
RENEW_PERCENT, SPREAD_PERCENT = 75, 15
"""It is renewed when so much of its time is over, and up to so much earlier."""


class State(StrEnum):
    """How a registration stands."""

    ASKED = "asked"
    """For the first time, or after a failure."""
    REGISTERED = "registered"
    FAILED = "failed"


@dataclass(slots=True)
class Registration:
    """With one line."""

    trunk: Trunk
    state: State = State.ASKED
    due: Micros = 0
    """When to ask next."""
    ends: Micros = 0
    """Until when the registrar said that it stands."""
    failures: int = 0
    """In a row."""
    seconds: int = 0
    """What is asked for: the registrar may have wanted longer (423)."""
    request: sip.ClientRequest | None = None
    call_id: str = ""
    number: int = 0
    flow: Flow | None = None
    """The road that was registered; another one is registered at once."""


class Registrations:
    """All of them, as one small machine."""

    def __init__(self, hands: Hands) -> None:
        self.hands = hands
        self.lines: dict[str, Registration] = {}

    @property
    def deadline(self) -> Micros | None:
        """When `tick` has something to do."""
        waiting = [one.due for one in self.lines.values() if one.request is None and one.trunk.flow]
        return min(waiting, default=None)

    def tick(self) -> None:
        """Ask whoever is due; take notice of what is configured now."""
        self._follow()
        for line in self.lines.values():
            if line.state is State.REGISTERED and self.hands.now >= line.ends:
                self._fails(line, "expired")
            if line.request is None and line.trunk.flow and self.hands.now >= line.due:
                self._ask(line, line.trunk.flow)

    def _follow(self) -> None:
        """Lines come and go with the configuration, and their roads with connections."""
        wanted = {t.name: t for t in self.hands.config.trunks if t.register_seconds}
        for name in [name for name in self.lines if name not in wanted]:
            del self.lines[name]
        for name, trunk in wanted.items():
            line = self.lines.setdefault(
                name, Registration(trunk, due=self.hands.now, seconds=trunk.register_seconds)
            )
            line.trunk = trunk
            if trunk.flow is not None and line.flow not in (None, trunk.flow):
                line.request, line.flow, line.due = None, None, self.hands.now

    def _ask(self, line: Registration, flow: Flow) -> None:
        trunk, endpoint = line.trunk, self.hands.endpoint
        host = trunk.registrar or trunk.address
        line.call_id = line.call_id or endpoint.new_id()
        line.number += 1
        line.flow = flow
        line.request = endpoint.request(
            "REGISTER",
            to_uri=f"sip:{trunk.username}@{host}",
            request_uri=f"sip:{host}",
            from_addr=f"sip:{trunk.username}@{host}",
            flow=flow,
            now=self.hands.now,
            headers=(
                ("Contact", f"<{self._contact(trunk, flow)}>"),
                ("Expires", str(line.seconds)),
            ),
            credentials=sip.Credentials(trunk.username, trunk.password, trunk.realm),
            call_id=line.call_id,
            number=line.number,
        )

    def _contact(self, trunk: Trunk, flow: Flow) -> str:
        """Ours, with the account's name: calls come to that number."""
        return self.hands.endpoint.contact(flow).replace(":callcenter@", f":{trunk.username}@", 1)

    # ---- what is answered -----------------------------------------------------------------

    def heard(self, event: sip.SipEvent) -> bool:
        """The answer to a REGISTER of ours, or that none will come; False for anything else."""
        if not isinstance(event, sip.ResponseReceived | sip.RequestTimeout):
            return False
        line = next((one for one in self.lines.values() if one.request is event.request), None)
        if line is None:
            return event.request.method == "REGISTER"
        line.number = max(line.number, event.request.request.cseq.number)
        line.request = None
        line.due = self.hands.now + PAUSE_SECONDS_MIN * SECOND  # whatever the answer does to us
        if isinstance(event, sip.RequestTimeout):
            self._fails(line, "no_answer" if event.status == 408 else "no_road")
        elif event.response.status < 300:
            self._stands(line, event.response)
        else:
            self._refused(line, event.response)
        return True

    def _stands(self, line: Registration, response: Response) -> None:
        granted = self._granted(line, response)
        early = granted * SPREAD_PERCENT * self._chance(line) // 100
        line.state, line.failures = State.REGISTERED, 0
        line.ends = self.hands.now + granted * SECOND
        line.due = self.hands.now + int((granted * RENEW_PERCENT / 100 - early) * SECOND)
        self._count("registered")

    def _granted(self, line: Registration, response: Response) -> int:
        """For how long: what stands at our own Contact, else in Expires, else what was asked."""
        ours = f":{line.trunk.username}@"
        for address in _contacts(response):
            expires = address.params.get("expires", "")
            if ours in address.uri and expires.isdecimal():
                return _bounded(int(expires[:6]))
        expires = response.header("Expires") or ""
        return _bounded(int(expires[:6]) if expires.isdecimal() else line.seconds)

    def _refused(self, line: Registration, response: Response) -> None:
        longer = response.header("Min-Expires") or ""
        if response.status == 423 and longer.isdecimal() and int(longer[:6]) > line.seconds:
            line.seconds, line.due = _bounded(int(longer[:6])), self.hands.now
            self._count("too_brief")
            return
        self._fails(line, "refused" if response.status in (401, 403, 404, 407) else "failed")

    def _fails(self, line: Registration, why: str) -> None:
        """Ask again later: after a while that doubles, spread over its second half."""
        line.failures += 1
        longest = min(PAUSE_SECONDS_MAX, PAUSE_SECONDS_MIN << min(line.failures - 1, 10))
        pause = longest * (0.5 + self._chance(line) / 2)
        line.due = self.hands.now + int(pause * SECOND)
        if line.state is not State.REGISTERED or self.hands.now >= line.ends:
            line.state = State.FAILED
        self._count(why)

    def _chance(self, line: Registration) -> float:
        """0 to 1, another one each time and in each front end; the same when played again."""
        rules = self.hands.rules
        text = f"{rules.frontend}|{rules.epoch}|{line.trunk.name}|{line.number}|{line.failures}"
        return int.from_bytes(blake2b(text.encode(), digest_size=4).digest()) / 2**32

    def _count(self, what: str) -> None:
        self.hands.counts[f"registration.{what}"] += 1


def _contacts(response: Response) -> list[NameAddr]:
    """Whatever the registrar has of us; nothing where that cannot be read."""
    try:
        values = [v for field in response.headers.get_all("Contact") for v in split_list(field)]
        return [parse_name_addr(value) for value in values]
    except SipError:
        return []


def _bounded(seconds: int) -> int:
    return min(EXPIRES_SECONDS_MAX, max(EXPIRES_SECONDS_MIN, seconds))
