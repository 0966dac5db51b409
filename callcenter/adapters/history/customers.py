"""The imported table of customers, and who is calling.

Why: a flow asks while the caller hears a prompt, so a look-up is one indexed read. A number is
known as it was imported, or, when only one customer ends so, by its last nine digits: carriers
deliver the same number with and without its country code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.adapters.history import tables as t
from callcenter.care.customer import TAIL_DIGITS, Customer, digits_of, tail_of

ROWS_PER_INSERT = 1000

_fields = msgspec.json.Decoder(dict[str, str])


class Customers:
    """Look-ups and the import."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def by_number(self, number: str) -> Customer | None:
        """By customer number, exactly."""
        return await self._one(t.customer.c.number == number.strip())

    async def by_phone(self, phone: str) -> Customer | None:
        """By any of the customer's phone numbers; None too when several customers would match."""
        digits = digits_of(phone)
        if not digits:
            return None
        numbers = await self._numbers(t.customer_phone.c.phone == digits)
        if not numbers and len(digits) >= TAIL_DIGITS:
            numbers = await self._numbers(t.customer_phone.c.tail == tail_of(digits))
        return await self.by_number(numbers[0]) if len(numbers) == 1 else None

    async def lookup(self, by: str, value: str) -> Customer | None:
        """What `lookup` in a flow asks: `by` is `phone`, or else the customer number."""
        return await (self.by_phone(value) if "phone" in by else self.by_number(value))

    async def count(self) -> int:
        """How many there are."""
        async with self._engine.connect() as connection:
            return int(await connection.scalar(select(func.count()).select_from(t.customer)) or 0)

    async def replace(self, customers: Sequence[Customer]) -> None:
        """Put this table in the place of the old one, all or nothing."""
        rows = [_row(c) for c in customers]
        phones = [
            {"phone": phone, "number": c.number, "tail": tail_of(phone)}
            for c in customers
            for phone in dict.fromkeys(c.phones)
        ]
        async with self._engine.begin() as connection:
            await connection.execute(delete(t.customer_phone))
            await connection.execute(delete(t.customer))
            for table, all_rows in ((t.customer, rows), (t.customer_phone, phones)):
                for first in range(0, len(all_rows), ROWS_PER_INSERT):
                    chunk = all_rows[first : first + ROWS_PER_INSERT]
                    await connection.execute(insert(table), chunk)

    async def _numbers(self, condition: ColumnElement[bool]) -> list[str]:
        query = select(t.customer_phone.c.number).where(condition).distinct().limit(2)
        async with self._engine.connect() as connection:
            return list((await connection.scalars(query)).all())

    async def _one(self, condition: ColumnElement[bool]) -> Customer | None:
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(t.customer).where(condition))).first()
            if row is None:
                return None
            query = select(t.customer_phone.c.phone).where(t.customer_phone.c.number == row.number)
            phones = (await connection.scalars(query)).all()
        return Customer(
            number=row.number,
            phones=tuple(phones),
            name=row.name,
            language=row.language,
            tier=row.tier,
            region=row.region,
            fields=_fields.decode(row.fields),
        )


def _row(customer: Customer) -> dict[str, Any]:
    return {
        "number": customer.number,
        "name": customer.name,
        "language": customer.language,
        "tier": customer.tier,
        "region": customer.region,
        "fields": msgspec.json.encode(customer.fields).decode(),
    }
