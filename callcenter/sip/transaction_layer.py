"""All transactions of an endpoint: found by key, driven by their tables, ticked from one heap.

Why: what a table wants done (`Do`) is the same for all four machines, so it is done in one place.
Bytes to send are put in `outgoing` and never sent here; the one who drives the endpoint decides
when they may leave.

Sources: RFC 3261 17 (matching in 17.1.3 and 17.2.3), 18.1.2 and 18.2.2 (answers go to the source).
"""

from collections import defaultdict
from typing import cast

from callcenter.domain.units import Micros
from callcenter.sip.client_invite import CLIENT_INVITE, ack_of_failure
from callcenter.sip.client_other import CLIENT_OTHER
from callcenter.sip.flow import Flow
from callcenter.sip.message import Request, Response
from callcenter.sip.server_invite import SERVER_INVITE
from callcenter.sip.server_other import SERVER_OTHER
from callcenter.sip.transaction import (
    ClientUser,
    Deadlines,
    Do,
    Input,
    ServerUser,
    State,
    Transaction,
    TransactionKey,
    client_key,
    server_key,
)


class TransactionLayer:
    """The transactions, what they want to send, and when they want to be ticked."""

    def __init__(self) -> None:
        self.servers: dict[TransactionKey, Transaction] = {}
        self.clients: dict[TransactionKey, Transaction] = {}
        self.deadlines = Deadlines()
        self.outgoing: list[tuple[Flow, bytes]] = []
        self.counters: defaultdict[str, int] = defaultdict(int)
        self._new: tuple[Request, TransactionKey] | None = None
        """The last request that was found to be new, and its key: `open` comes next."""

    def __len__(self) -> int:
        return len(self.servers) + len(self.clients)

    # ---- client side ----------------------------------------------------------------------

    def send(self, request: Request, flow: Flow, user: ClientUser, now: Micros) -> Transaction:
        """Begin a transaction of our own. `request` has its Via."""
        machine = CLIENT_INVITE if request.method == "INVITE" else CLIENT_OTHER
        transaction = Transaction(machine, client_key(request), flow, request, user, now)
        transaction.last = request.encode()
        self.clients[transaction.key] = transaction
        self.deadlines.note(transaction)
        self.outgoing.append((flow, transaction.last))
        self.counters["requests_sent"] += 1
        return transaction

    def resume(
        self, request: Request, flow: Flow, user: ClientUser, now: Micros, *, proceeding: bool
    ) -> Transaction:
        """An INVITE of ours that went out before a restart: once more, unless it was heard."""
        transaction = self.send(request, flow, user, now)
        if proceeding:
            self.outgoing.pop()
            transaction.step(Input.PROVISIONAL, now)
        return transaction

    def receive_response(self, response: Response, now: Micros) -> bool:
        """Give `response` to its transaction; False if there is none."""
        transaction = self.clients.get(client_key(response))
        if transaction is None:
            return False
        for doing in self._step(transaction, _kind(response.status), now):
            if doing is Do.ACK:
                self._acknowledge_failure(transaction, response)
            else:
                cast(ClientUser, transaction.user).responded(transaction, response, now)
        return True

    def _acknowledge_failure(self, transaction: Transaction, response: Response) -> None:
        if transaction.request is not None:
            transaction.last = ack_of_failure(transaction.request, response).encode()
        self._resend(transaction)

    # ---- server side ----------------------------------------------------------------------

    def receive_again(self, request: Request, now: Micros) -> bool:
        """Answer a repeated request from its transaction; False if it is a new one."""
        key = server_key(request)
        transaction = self.servers.get(key)
        if transaction is None:
            self._new = (request, key)
            return False
        self.counters["retransmissions_received"] += 1
        for _ in self._step(transaction, Input.REQUEST, now):
            self._resend(transaction)
        return True

    def open(
        self, request: Request, flow: Flow, user: ServerUser | None, now: Micros
    ) -> Transaction:
        """Begin the transaction of a new request."""
        machine = SERVER_INVITE if request.method == "INVITE" else SERVER_OTHER
        key = self._new[1] if self._new and self._new[0] is request else server_key(request)
        transaction = Transaction(machine, key, flow, request, user, now)
        self.servers[transaction.key] = transaction
        self.deadlines.note(transaction)
        return transaction

    def answer(self, transaction: Transaction, response: Response, now: Micros) -> None:
        """Send a response of ours; one that comes too late for its state is dropped."""
        for _ in self._step(transaction, _kind(response.status), now):
            transaction.last = response.encode()
            self.outgoing.append((transaction.flow, transaction.last))
            self.counters["responses_sent"] += 1
        if response.status >= 200:
            transaction.request = None

    def withdraw(self, transaction: Transaction) -> None:
        """Take back the latest answer if nothing has left since: another one stands for it."""
        if self.outgoing and self.outgoing[-1] == (transaction.flow, transaction.last):
            self.outgoing.pop()
            self.counters["responses_sent"] -= 1

    def answered_before(self, transaction: Transaction, answer: bytes, now: Micros) -> None:
        """After a restart: the answer that went out last goes out again."""
        for _ in self._step(transaction, _kind(int(answer[8:11])), now):
            transaction.last = answer
            self._resend(transaction)

    def receive_ack(self, ack: Request, now: Micros) -> bool:
        """Give an ACK to the INVITE transaction of its branch; False if there is none."""
        transaction = self.servers.get(server_key(ack, "INVITE"))
        if transaction is None:
            return False
        for _ in self._step(transaction, Input.ACK, now):
            if transaction.user is not None:
                cast(ServerUser, transaction.user).acknowledged(ack, now)
        return True

    def invite_of(self, cancel: Request) -> Transaction | None:
        """The INVITE that a CANCEL means."""
        return self.servers.get(server_key(cancel, "INVITE"))

    # ---- time and roads -------------------------------------------------------------------

    def tick(self, transaction: Transaction, now: Micros) -> None:
        """A timer of `transaction` ran out."""
        for doing in transaction.run_out(now):
            if doing is Do.RESEND:
                self._resend(transaction)
            elif transaction.machine.name.startswith("client"):
                self.counters["requests_unanswered"] += 1
                cast(ClientUser, transaction.user).unanswered(transaction, 408, now)
            else:
                self.counters["failures_unacknowledged"] += 1
        self._settle(transaction)

    def lose(self, flow: Flow, now: Micros) -> None:
        """The connection is gone: whoever waits for an answer over it is told."""
        waiting = [t for t in self.clients.values() if t.flow == flow]
        for transaction in waiting:
            for _ in self._step(transaction, Input.ERROR, now):
                cast(ClientUser, transaction.user).unanswered(transaction, 503, now)

    def forget(self, transaction: Transaction) -> None:
        """Drop a transaction without waiting for repeated requests (RFC 3261 8.2.7)."""
        transaction.due = None
        self.servers.pop(transaction.key, None)
        self.clients.pop(transaction.key, None)

    def _step(self, transaction: Transaction, seen: Input, now: Micros) -> tuple[Do, ...]:
        due = transaction.due
        doings = transaction.step(seen, now)
        if transaction.due != due or transaction.state is State.TERMINATED:
            self._settle(transaction)
        return doings

    def _settle(self, transaction: Transaction) -> None:
        """After a step: forget what is over, note the next timer of what is not."""
        if transaction.state is State.TERMINATED:
            transaction.due = None
            self.servers.pop(transaction.key, None)
            self.clients.pop(transaction.key, None)
        else:
            self.deadlines.note(transaction)

    def _resend(self, transaction: Transaction) -> None:
        if transaction.last:
            self.outgoing.append((transaction.flow, transaction.last))
            self.counters["retransmissions_sent"] += 1


def _kind(status: int) -> Input:
    if status < 200:
        return Input.PROVISIONAL
    return Input.SUCCESS if status < 300 else Input.FAILURE
