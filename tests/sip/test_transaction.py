"""The four transaction machines against RFC 3261 17 and RFC 6026."""

import pytest

from callcenter.domain.units import MILLISECOND, SECOND, Micros
from callcenter.sip.client_invite import CLIENT_INVITE
from callcenter.sip.client_other import CLIENT_OTHER
from callcenter.sip.flow import Flow
from callcenter.sip.headers import Headers
from callcenter.sip.message import Request, Response, response_to
from callcenter.sip.server_invite import SERVER_INVITE
from callcenter.sip.server_other import SERVER_OTHER
from callcenter.sip.transaction import (
    Deadlines,
    Do,
    Input,
    Machine,
    State,
    Transaction,
    TransactionKey,
)
from callcenter.sip.transaction_layer import TransactionLayer

MACHINES = (CLIENT_INVITE, CLIENT_OTHER, SERVER_INVITE, SERVER_OTHER)
TIMERS = frozenset("ABDEFGHIJKLM")
UDP = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.2", 5060))
TCP = Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.2", 5060), 7)


def a_request(method: str = "INVITE", branch: str = "z9hG4bKone", number: int = 1) -> Request:
    return Request(
        method,
        "sip:b@192.0.2.2",
        Headers(
            [
                ("Via", f"SIP/2.0/UDP 192.0.2.1:5060;branch={branch}"),
                ("From", "<sip:a@192.0.2.1>;tag=a"),
                ("To", "<sip:b@192.0.2.2>"),
                ("Call-ID", "c"),
                ("CSeq", f"{number} {method}"),
                ("Max-Forwards", "70"),
            ]
        ),
    )


class User:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def responded(self, _transaction: Transaction, response: Response, _now: Micros) -> None:
        self.told.append(str(response.status))

    def unanswered(self, _transaction: Transaction, status: int, _now: Micros) -> None:
        self.told.append(f"gave up {status}")

    def acknowledged(self, _ack: Request, _now: Micros) -> None:
        self.told.append("ACK")


class Bench:
    """One transaction, driven by hand; sees when what is sent."""

    def __init__(self, flow: Flow = UDP, method: str = "INVITE") -> None:
        self.layer = TransactionLayer()
        self.user = User()
        self.flow = flow
        self.request = a_request(method)
        self.now: Micros = 0
        self.sent: list[tuple[float, str]] = []

    def look(self) -> None:
        outgoing, self.layer.outgoing = self.layer.outgoing, []
        self.sent += [
            (self.now / SECOND, data.split(b"\r\n")[0].decode().removeprefix("SIP/2.0 "))
            for _, data in outgoing
        ]

    def run(self, until: Micros) -> None:
        self.look()
        while (due := self.layer.deadlines.next()) is not None and due <= until:
            self.now = due
            owner = self.layer.deadlines.pop(due)
            assert isinstance(owner, Transaction)
            self.layer.tick(owner, due)
            self.look()
        self.now = until

    def times(self, start: str) -> list[float]:
        return [at for at, line in self.sent if line.startswith(start)]


# ---- the tables ---------------------------------------------------------------------------


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_timer_of_a_state_has_a_row_and_every_row_of_a_timer_a_state(
    machine: Machine,
) -> None:
    running = {(state, timer) for state, pair in machine.timers.items() for timer in pair if timer}
    rows = {key for key in machine.rows if key[1].name in TIMERS}
    assert running == rows


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_is_reached_and_can_end(machine: Machine) -> None:
    reached = {machine.start}
    for _ in machine.rows:
        reached |= {after for (before, _), (after, _) in machine.rows.items() if before in reached}
    assert reached == set(machine.timers)
    ending = {State.TERMINATED}
    for _ in machine.rows:
        ending |= {before for (before, _), (after, _) in machine.rows.items() if after in ending}
    assert ending == set(machine.timers)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_nothing_leaves_the_end(machine: Machine) -> None:
    assert not [key for key in machine.rows if key[0] is State.TERMINATED]


def test_an_input_without_a_row_changes_nothing() -> None:
    key = TransactionKey("z9hG4bKone", "INVITE")
    transaction = Transaction(CLIENT_INVITE, key, UDP, None, None, 0)
    before = transaction.due
    assert transaction.step(Input.ACK, 10) == ()
    assert (transaction.state, transaction.due) == (State.CALLING, before)


# ---- timers of clients --------------------------------------------------------------------


def test_timer_a_doubles_without_bound_until_timer_b() -> None:
    bench = Bench()
    bench.layer.send(bench.request, UDP, bench.user, 0)
    bench.run(60 * SECOND)
    assert bench.times("INVITE") == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert bench.user.told == ["gave up 408"]
    assert len(bench.layer) == 0


def test_timer_e_doubles_up_to_t2_until_timer_f() -> None:
    bench = Bench(method="BYE")
    bench.layer.send(bench.request, UDP, bench.user, 0)
    bench.run(60 * SECOND)
    assert bench.times("BYE") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert bench.user.told == ["gave up 408"]
    assert len(bench.layer) == 0


def test_timer_e_runs_at_t2_once_a_provisional_came_and_timer_f_goes_on() -> None:
    bench = Bench(method="BYE")
    bench.layer.send(bench.request, UDP, bench.user, 0)
    bench.run(600 * MILLISECOND)
    bench.layer.receive_response(response_to(bench.request, 100), bench.now)
    bench.run(60 * SECOND)
    assert bench.times("BYE") == [0, 0.5, 1.5, 5.5, 9.5, 13.5, 17.5, 21.5, 25.5, 29.5]
    assert bench.user.told == ["100", "gave up 408"]


@pytest.mark.parametrize("method", ["INVITE", "BYE"])
def test_a_reliable_road_repeats_nothing_and_gives_up_at_the_same_time(method: str) -> None:
    bench = Bench(TCP, method)
    bench.layer.send(bench.request, TCP, bench.user, 0)
    bench.run(31 * SECOND)
    assert bench.user.told == []
    bench.run(33 * SECOND)
    assert bench.times(method) == [0]
    assert bench.user.told == ["gave up 408"]


@pytest.mark.parametrize(
    ("flow", "method", "status", "lingers"),
    [
        (UDP, "INVITE", 486, 32 * SECOND),
        (TCP, "INVITE", 486, 0),
        (UDP, "INVITE", 200, 32 * SECOND),
        (TCP, "INVITE", 200, 32 * SECOND),
        (UDP, "BYE", 200, 5 * SECOND),
        (TCP, "BYE", 200, 0),
    ],
    ids=["D udp", "D tcp", "M udp", "M tcp", "K udp", "K tcp"],
)
def test_an_answered_client_lingers_as_long_as_answers_may_come_again(
    flow: Flow, method: str, status: int, lingers: Micros
) -> None:
    bench = Bench(flow, method)
    bench.layer.send(bench.request, flow, bench.user, 0)
    bench.layer.receive_response(response_to(bench.request, status), 0)
    assert bench.layer.deadlines.next() == lingers
    bench.run(lingers)
    assert len(bench.layer) == 0


def test_what_is_only_to_be_forgotten_waits_for_the_full_second() -> None:
    bench = Bench(UDP, "BYE")
    at = 300 * MILLISECOND
    bench.layer.send(bench.request, UDP, bench.user, at)
    bench.layer.receive_response(response_to(bench.request, 200), at)
    assert bench.layer.deadlines.next() == 6 * SECOND


def test_a_client_invite_acknowledges_every_failure_and_tells_the_first() -> None:
    bench = Bench()
    bench.layer.send(bench.request, UDP, bench.user, 0)
    failure = response_to(bench.request, 486, to_tag="b")
    for _ in range(3):
        bench.layer.receive_response(failure, 0)
    bench.look()
    assert len(bench.times("ACK")) == 3
    assert bench.user.told == ["486"]


def test_the_ack_of_a_failure_has_the_via_of_the_invite_and_the_to_of_the_answer() -> None:
    bench = Bench()
    bench.layer.send(bench.request, UDP, bench.user, 0)
    bench.layer.receive_response(response_to(bench.request, 486, to_tag="b"), 0)
    ack = bench.layer.outgoing[-1][1]
    assert b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKone\r\n" in ack
    assert b"To: <sip:b@192.0.2.2>;tag=b\r\n" in ack
    assert b"CSeq: 1 ACK\r\n" in ack


def test_a_client_invite_tells_every_success() -> None:
    bench = Bench()
    bench.layer.send(bench.request, UDP, bench.user, 0)
    for tag in ("b", "b", "c"):
        bench.layer.receive_response(response_to(bench.request, 200, to_tag=tag), 0)
    assert bench.user.told == ["200", "200", "200"]


def test_an_answered_invite_is_repeated_no_more() -> None:
    bench = Bench()
    bench.layer.send(bench.request, UDP, bench.user, 0)
    bench.layer.receive_response(response_to(bench.request, 180), 0)
    bench.run(200 * SECOND)
    assert bench.times("INVITE") == [0]
    assert bench.user.told == ["180"]


@pytest.mark.parametrize("method", ["INVITE", "BYE"])
@pytest.mark.parametrize("heard", [False, True])
def test_a_lost_connection_is_told_at_once(method: str, heard: bool) -> None:
    bench = Bench(TCP, method)
    bench.layer.send(bench.request, TCP, bench.user, 0)
    if heard:
        bench.layer.receive_response(response_to(bench.request, 100), 0)
    bench.layer.lose(TCP, 0)
    assert bench.user.told[-1] == "gave up 503"
    assert len(bench.layer) == 0


# ---- timers of servers --------------------------------------------------------------------


def test_timer_g_doubles_up_to_t2_until_timer_h() -> None:
    bench = Bench()
    transaction = bench.layer.open(bench.request, UDP, bench.user, 0)
    bench.layer.answer(transaction, response_to(bench.request, 486), 0)
    bench.run(60 * SECOND)
    assert bench.times("486") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert len(bench.layer) == 0
    assert bench.layer.counters["failures_unacknowledged"] == 1


@pytest.mark.parametrize(("flow", "lingers"), [(UDP, 5 * SECOND), (TCP, 0)], ids=["udp", "tcp"])
def test_the_ack_of_a_failure_stops_timer_g_and_starts_timer_i(flow: Flow, lingers: Micros) -> None:
    bench = Bench(flow)
    transaction = bench.layer.open(bench.request, flow, bench.user, 0)
    bench.layer.answer(transaction, response_to(bench.request, 486), 0)
    assert bench.layer.receive_ack(a_request("ACK"), 0)
    assert bench.layer.deadlines.next() == lingers
    bench.run(lingers)
    assert len(bench.layer) == 0
    assert bench.times("486") == [0]
    assert bench.user.told == []


def test_a_failure_over_a_reliable_road_is_sent_once_and_waits_for_its_ack() -> None:
    bench = Bench(TCP)
    transaction = bench.layer.open(bench.request, TCP, bench.user, 0)
    bench.layer.answer(transaction, response_to(bench.request, 486), 0)
    bench.run(31 * SECOND)
    assert len(bench.layer) == 1
    bench.run(32 * SECOND)
    assert bench.times("486") == [0]
    assert len(bench.layer) == 0


def test_an_accepted_invite_absorbs_repetitions_and_tells_acks_until_timer_l() -> None:
    bench = Bench()
    transaction = bench.layer.open(bench.request, UDP, bench.user, 0)
    bench.layer.answer(transaction, response_to(bench.request, 200), 0)
    bench.look()
    assert bench.layer.receive_again(a_request(), 0)
    assert bench.layer.receive_ack(a_request("ACK"), 0)
    bench.run(31 * SECOND)
    assert bench.sent == [(0, "200 OK")]
    assert bench.user.told == ["ACK"]
    bench.run(32 * SECOND)
    assert len(bench.layer) == 0


@pytest.mark.parametrize(
    ("method", "answers", "again"),
    [
        ("INVITE", (100,), ["100"]),
        ("INVITE", (100, 180), ["180"]),
        ("INVITE", (100, 486), ["486"]),
        ("INVITE", (100, 200), []),
        ("BYE", (), []),
        ("BYE", (100,), ["100"]),
        ("BYE", (200,), ["200"]),
        ("BYE", (481,), ["481"]),
    ],
)
def test_a_repeated_request_gets_the_last_answer(
    method: str, answers: tuple[int, ...], again: list[str]
) -> None:
    bench = Bench(method=method)
    transaction = bench.layer.open(bench.request, UDP, bench.user, 0)
    for status in answers:
        bench.layer.answer(transaction, response_to(bench.request, status), 0)
    bench.look()
    del bench.sent[:]
    assert bench.layer.receive_again(a_request(method), 0)
    bench.look()
    assert [line[:3] for _, line in bench.sent] == again


@pytest.mark.parametrize(("flow", "lingers"), [(UDP, 32 * SECOND), (TCP, 0)], ids=["udp", "tcp"])
def test_an_answered_request_is_kept_for_timer_j(flow: Flow, lingers: Micros) -> None:
    bench = Bench(flow, "BYE")
    transaction = bench.layer.open(bench.request, flow, None, 0)
    bench.layer.answer(transaction, response_to(bench.request, 200), 0)
    assert bench.layer.deadlines.next() == lingers
    bench.run(lingers)
    assert len(bench.layer) == 0


def test_a_request_that_nobody_answers_is_forgotten_when_its_client_has_given_up() -> None:
    bench = Bench(method="INFO")
    transaction = bench.layer.open(bench.request, UDP, None, 0)
    bench.run(32 * SECOND)
    assert len(bench.layer) == 0
    bench.layer.answer(transaction, response_to(bench.request, 200), bench.now)
    bench.look()
    assert bench.sent == []


def test_a_second_final_answer_is_dropped() -> None:
    bench = Bench(method="INFO")
    transaction = bench.layer.open(bench.request, UDP, None, 0)
    for status in (200, 500):
        bench.layer.answer(transaction, response_to(bench.request, status), 0)
    bench.look()
    assert [line for _, line in bench.sent] == ["200 OK"]


def test_a_lingering_server_keeps_bytes_and_no_message() -> None:
    bench = Bench(method="BYE")
    transaction = bench.layer.open(bench.request, UDP, None, 0)
    bench.layer.answer(transaction, response_to(bench.request, 200), 0)
    assert transaction.request is None
    assert transaction.last.startswith(b"SIP/2.0 200")


# ---- matching -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKtwo"),
        ("Via", "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKone"),
        ("Via", "SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bKone"),
        ("CSeq", "2 INVITE"),
        ("From", "<sip:a@192.0.2.1>;tag=other"),
    ],
    ids=["branch", "host", "port", "CSeq: one branch for a whole call", "From tag: restarted"],
)
def test_an_invite_that_differs_in_its_key_is_another_one(field: str, value: str) -> None:
    bench = Bench()
    bench.layer.open(bench.request, UDP, bench.user, 0)
    other = a_request()
    other.headers.set(field, value)
    assert not bench.layer.receive_again(other, 0)
    assert bench.layer.receive_again(a_request(), 0)


def test_a_branch_without_the_cookie_is_told_apart_by_call_id_as_in_rfc_2543() -> None:
    bench = Bench()
    first, second = a_request(branch="1"), a_request(branch="1")
    second.headers.set("Call-ID", "another")
    bench.layer.open(first, UDP, bench.user, 0)
    assert bench.layer.receive_again(a_request(branch="1"), 0)
    assert not bench.layer.receive_again(second, 0)


def test_an_ack_and_a_cancel_find_the_invite_of_their_branch() -> None:
    bench = Bench()
    transaction = bench.layer.open(bench.request, UDP, bench.user, 0)
    assert bench.layer.invite_of(a_request("CANCEL")) is transaction
    assert bench.layer.invite_of(a_request("CANCEL", "z9hG4bKtwo")) is None
    assert not bench.layer.receive_ack(a_request("ACK", "z9hG4bKtwo"), 0)


@pytest.mark.parametrize(("branch", "method"), [("z9hG4bKtwo", "INVITE"), ("z9hG4bKone", "CANCEL")])
def test_a_response_of_another_branch_or_method_is_not_ours(branch: str, method: str) -> None:
    bench = Bench()
    bench.layer.send(bench.request, UDP, bench.user, 0)
    assert not bench.layer.receive_response(response_to(a_request(method, branch), 200), 0)
    assert bench.user.told == []


# ---- the heap -----------------------------------------------------------------------------


class Sleeper:
    def __init__(self, due: Micros | None) -> None:
        self.due = due


def test_deadlines_come_in_order_and_forget_what_changed() -> None:
    deadlines = Deadlines()
    first, second = Sleeper(10), Sleeper(20)
    for sleeper in (second, first):
        deadlines.note(sleeper)
    assert deadlines.next() == 10
    first.due = 30
    deadlines.note(first)
    assert deadlines.next() == 20
    assert deadlines.pop(15) is None
    assert deadlines.pop(20) is second
    second.due = None
    assert deadlines.pop(40) is first
    assert deadlines.next() is None


def test_an_owner_without_a_due_time_is_not_noted() -> None:
    deadlines = Deadlines()
    deadlines.note(Sleeper(None))
    assert len(deadlines) == 0


def test_the_doings_of_a_row_come_in_the_order_of_the_figure() -> None:
    assert CLIENT_INVITE.rows[State.PROCEEDING, Input.FAILURE][1] == (Do.ACK, Do.TELL)
