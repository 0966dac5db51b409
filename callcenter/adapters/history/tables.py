"""The tables of the history. Times and spans are microseconds (`BigInteger`), in center time.

    contact       one row per contact, with its timeline            folds of the journal
    visit         one row per ended queue visit                     folds of the journal
    segment       one row per agent's part                          folds of the journal
    interval      15 minutes per queue and channel                  folds of the journal
    fold          the state of the folds and their cursor           written with the four above
    customer      the imported table of customers, and `customer_phone`
    party         a person's number or address, by party id         the erasable place
    api_token     tokens for programs and walls, by digest
    web_session   browsers that logged in, by digest

Why: what a fold wrote can be thrown away and folded anew; `party` and `customer` hold the only
personal data, so erasing there is erasing.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()


def _count(name: str) -> "Column[int]":
    return Column(name, Integer, nullable=False, default=0)


def _micros(name: str) -> "Column[int]":
    return Column(name, BigInteger, nullable=False, default=0)


def _text(name: str, length: int = 200) -> "Column[str]":
    return Column(name, String(length), nullable=False, default="")


def _key(name: str, length: int = 200) -> "Column[str]":
    return Column(name, String(length), primary_key=True)


contact = Table(
    "contact",
    metadata,
    _key("contact"),
    _text("channel", 20),
    _text("frontend"),
    _text("dialled"),
    _text("party"),
    _text("customer"),
    _text("flow"),
    _text("revision"),
    _micros("arrived"),
    _micros("ended"),
    _text("queue"),
    _text("agent"),
    _count("visits"),
    _micros("waited"),
    _micros("talked"),
    _count("offers"),
    _count("unanswered"),
    Column("attributes", LargeBinary, nullable=False),
    _text("result", 40),
    _text("reason", 60),
    Column("steps", LargeBinary, nullable=False),
    Column("origin", String(200), nullable=False, default="", server_default=""),
    Index("contact_ended", "ended"),
    Index("contact_customer", "customer"),
)

visit = Table(
    "visit",
    metadata,
    _key("contact"),
    Column("visit", Integer, primary_key=True),
    _text("queue"),
    _text("channel", 20),
    _micros("since"),
    _micros("left"),
    _micros("waited"),
    _text("outcome", 20),
    Column("in_target", Boolean, nullable=False),
    Column("short", Boolean, nullable=False),
    Column("lost", Boolean, nullable=False),
    _text("agent"),
    _text("reason", 60),
    Index("visit_left", "queue", "left"),
)

segment = Table(
    "segment",
    metadata,
    _key("segment"),
    _text("contact"),
    _text("agent"),
    _text("queue"),
    _text("channel", 20),
    _micros("started"),
    _micros("ended"),
    _micros("waited"),
    _micros("talked"),
    _micros("held"),
    _micros("wrapped"),
    _text("disposition"),
    _text("result", 40),
    _text("reason", 60),
    Index("segment_contact", "contact"),
    Index("segment_agent", "agent", "ended"),
    Index("segment_queue", "queue", "ended"),
)

interval = Table(
    "interval",
    metadata,
    _key("queue"),
    _key("channel", 20),
    Column("start", BigInteger, primary_key=True),
    _count("arrived"),
    _count("offered"),
    _count("answered"),
    _count("answered_in_target"),
    _count("abandoned"),
    _count("abandoned_in_target"),
    _count("short_abandoned"),
    _count("flowed_out"),
    _count("callbacks"),
    _count("lost"),
    _count("handled"),
    _micros("waited_answered"),
    _micros("waited_abandoned"),
    _micros("talked"),
    _micros("held"),
    _micros("wrapped"),
)

fold = Table(
    "fold",
    metadata,
    _key("name", 40),
    Column("seq", BigInteger, nullable=False),
    _micros("at"),
    Column("state", LargeBinary, nullable=False),
)

customer = Table(
    "customer",
    metadata,
    _key("number"),
    _text("name", 500),
    _text("language", 500),
    _text("tier", 500),
    _text("region", 500),
    Column("fields", Text, nullable=False),
)

customer_phone = Table(
    "customer_phone",
    metadata,
    _key("phone", 20),
    _key("number"),
    _text("tail", 20),
    Index("customer_phone_tail", "tail"),
)

party = Table(
    "party",
    metadata,
    _key("party"),
    Column("value", Text, nullable=False),
    _micros("seen"),
)

api_token = Table(
    "api_token",
    metadata,
    _key("id", 40),
    _text("name"),
    _text("scope", 20),
    Column("digest", String(64), nullable=False, unique=True),
    _micros("created"),
    _micros("expires"),
    _micros("revoked"),
)

web_session = Table(
    "web_session",
    metadata,
    _key("digest", 64),
    _text("scope", 20),
    _text("agent"),
    _text("token", 40),
    _text("csrf", 64),
    _micros("created"),
    _micros("seen"),
    _micros("expires"),
    Index("web_session_expires", "expires"),
)
