"""A flow's question is always answered: found, not known, or not known because of trouble."""

from __future__ import annotations

import asyncio
from pathlib import Path

from callcenter.adapters.history.customers import Customers
from callcenter.adapters.history.engine import migrate, open_engine
from callcenter.adapters.lookup import Lookup
from callcenter.care.customer import Customer
from callcenter.domain.units import ContactId
from callcenter.frontend.turn import LookedUp, LookUp

ANA = Customer(
    number="4711",
    phones=("4915550123456",),
    name="Ana",
    language="es",
    tier="gold",
    region="",
    fields={"open_case": "yes"},
)


def answers(url: str, *questions: tuple[str, str], imported: bool = True) -> list[LookedUp]:
    """What each question is answered, in order of arrival."""

    async def ask() -> list[LookedUp]:
        if imported:
            engine = open_engine(url)
            await migrate(engine)
            await Customers(engine).replace([ANA])
            await engine.dispose()
        found: list[LookedUp] = []
        lookup = Lookup(url, found.append)
        for by, value in questions:
            lookup.ask(LookUp(ContactId("c"), by, value))
        await lookup.close()
        return found

    return asyncio.run(asyncio.wait_for(ask(), 20))


def test_a_caller_is_known_by_her_number_and_by_what_she_typed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'history.db'}"
    found = answers(url, ("caller_number", "+49 1555 0123456"), ("customer_number", "4711"))
    assert [(a.found, a.customer) for a in found] == [(True, "4711")] * 2
    assert dict(found[0].fields) == {"language": "es", "tier": "gold", "open_case": "yes"}


def test_who_is_not_in_the_table_is_not_known(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'history.db'}"
    found = answers(
        url, ("caller_number", "+4990"), ("customer_number", "1"), ("caller_number", "")
    )
    assert [a.found for a in found] == [False] * 3


def test_without_a_table_nobody_is_known_and_nobody_waits(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    found = answers(url, ("customer_number", "4711"), imported=False)
    assert [a.found for a in found] == [False]
