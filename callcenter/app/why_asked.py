"""The web's way to `why`: a child per question, few at once, none for long.

Why: whoever asks waits a second or two; nobody else notices. What takes too long is refused by
name, with the command that takes as long as it needs.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

import msgspec

from callcenter.app.why import Question, Told
from callcenter.domain.units import Micros
from callcenter.web.problems import Refused
from callcenter.web.tally import Tally
from callcenter.web.why_views import AgentWhy, ContactWhy

AT_ONCE = 2
WAITING_MAX = 8
"""Questions that may wait for their turn; more are refused."""
EACH_MAX = 3
"""Of one login, running and waiting: nobody takes all the room."""
ANSWER_SECONDS = 20.0
ELSEWHERE = "`callcenter why` on the server has no such limit"


class Whys:
    """Asks, and counts how it went. `WhyPort` of the web."""

    def __init__(self, archive: Path, url: str, namespace: str, tally: Tally) -> None:
        self._archive = archive
        self._url = url
        self._namespace = namespace
        self._tally = tally
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._asked: Counter[str] = Counter()

    async def contact(self, contact: str, at: Micros, by: str) -> ContactWhy:
        told = await self._ask("contact", contact, at, by)
        assert told.contact is not None
        return told.contact

    async def agent(self, agent: str, at: Micros, by: str) -> AgentWhy:
        told = await self._ask("agent", agent, at, by)
        assert told.agent is not None
        return told.agent

    async def _ask(self, kind: str, name: str, at: Micros, by: str) -> Told:
        question = Question(
            archive=str(self._archive), url=self._url, namespace=self._namespace, name=name,
            kind=kind, at=at,
        )  # fmt: skip
        self._make_room(by)
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._turns:
                told = await self._in_a_child(msgspec.json.encode(question))
        except TimeoutError:
            self._tally.explanations["too_long"] += 1
            words = f"it takes longer than {ANSWER_SECONDS:.0f} s; {ELSEWHERE}"
            raise Refused(503, words, kind="too-long") from None
        except Refused as refused:
            unknown = refused.document.status == 404
            self._tally.explanations["unknown" if unknown else "failed"] += 1
            raise
        finally:
            self._asked[by] -= 1
            self._asked += Counter()  # forgets who asks nothing any more
        self._tally.explanations["answered"] += 1
        return told

    def _make_room(self, by: str) -> None:
        """Count one question more, or refuse it by name."""
        if self._asked[by] >= EACH_MAX:
            self._tally.explanations["busy"] += 1
            words = f"{EACH_MAX} of your questions are not answered yet; ask again"
            raise Refused(429, words, kind="busy")
        if self._asked.total() >= AT_ONCE + WAITING_MAX:
            self._tally.explanations["busy"] += 1
            raise Refused(503, "too many ask why at the moment; ask again", kind="busy")
        self._asked[by] += 1

    @staticmethod
    async def _in_a_child(question: bytes) -> Told:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "callcenter.app.why_child", str(os.getpid()),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            answer, _ = await child.communicate(question)
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        return told_by(answer)


def told_by(answer: bytes) -> Told:
    """What the child said. Raises `Refused` for a refusal, and for a child that broke off."""
    from callcenter.app.why_child import Refusal

    try:
        refusal = msgspec.json.decode(answer, type=Refusal)
    except msgspec.ValidationError:
        return msgspec.json.decode(answer, type=Told)
    except msgspec.DecodeError:
        words = f"the journal could not be explained within its limits; {ELSEWHERE}"
        raise Refused(503, words, kind="broke-off") from None
    raise Refused(
        refusal.status, refusal.detail, kind="unknown-id" if refusal.status == 404 else ""
    )
