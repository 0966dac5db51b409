"""Rows in and out: insert or replace by key in the dialect at hand, and rows as values.

Why: a fold that goes on after a crash writes its last rows again; that must change nothing.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from sqlalchemy import Executable, Row, Table
from sqlalchemy.dialects import postgresql, sqlite

S = TypeVar("S")


def values_of(row: Row[Any]) -> dict[str, Any]:
    """The row by column name, as plain strings."""
    return {str(name): value for name, value in row._asdict().items()}


def struct_of(kind: type[S], row: Row[Any]) -> S:
    """The row as a value of `kind`, whose fields are its columns."""
    return msgspec.convert(values_of(row), kind)


def upsert(table: Table, dialect: str) -> Executable:
    """`INSERT … ON CONFLICT (key) DO UPDATE`, for one row or many."""
    insert: Any = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    keys = [column.name for column in table.primary_key]
    values = {
        column.name: insert.excluded[column.name]
        for column in table.columns
        if column.name not in keys
    }
    statement: Executable = insert.on_conflict_do_update(index_elements=keys, set_=values)
    return statement
