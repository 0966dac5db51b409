"""What sort of mail it is: from a person, or from a machine that must never be answered.

Why: a bounce that is answered bounces again, two vacation notices write to each other for a week,
and a list answers everybody. So a machine is known before anybody is told anything.

Sources: RFC 3834 (Auto-Submitted), RFC 3464 (delivery reports), RFC 8098 (read receipts), RFC 5965
(feedback reports), RFC 2919 and 2369 (lists); [MS-OXCMAIL] 2.2.3.1.7 (X-Auto-Response-Suppress).
"""

from collections.abc import Mapping, Sequence

OURS = "x-callcenter"
"""A header field that our own mails carry: seen on the way in, it is a loop."""
DAEMONS = ("mailer-daemon@", "postmaster@", "mail-daemon@", "mdaemon@")
NOREPLY = ("noreply@", "no-reply@", "donotreply@", "do-not-reply@", "bounce@", "bounces@")
AUTO_SUBJECTS = (
    "out of office", "automatic reply", "auto reply", "autoreply", "auto-reply", "abwesend",
    "abwesenheit", "automatische antwort", "respuesta automática", "réponse automatique",
    "fuera de la oficina", "on vacation", "i am away",
)  # fmt: skip
BOUNCE_SUBJECTS = (
    "undeliverable", "undelivered mail", "delivery status notification", "mail delivery failed",
    "returned mail", "delivery failure", "failure notice", "unzustellbar", "mail delivery system",
    "delivery has failed", "message not delivered",
)  # fmt: skip


def sort_of(
    fields: Mapping[str, str], content_type: str, report: str, sender: str, subject: str
) -> str:
    """`normal`, `bounce`, `mdn`, `report`, `loop`, `auto-reply` or `list`; the first that fits.

    `report` is the `report-type` of a multipart/report, empty for anything else.
    """
    if OURS in fields and "auto" in fields[OURS]:
        return "loop"
    if report == "disposition-notification":
        return "mdn"
    if report == "feedback-report":
        return "report"
    if report == "delivery-status" or _bounces(fields, sender, subject, content_type):
        return "bounce"
    if _answers_itself(fields, subject):
        return "auto-reply"
    return "list" if _is_list(fields) else "normal"


def _bounces(fields: Mapping[str, str], sender: str, subject: str, content_type: str) -> bool:
    empty = fields.get("return-path", "?").strip() in ("<>", "")
    daemon = sender.lower().startswith(DAEMONS)
    told = subject.lower().startswith(BOUNCE_SUBJECTS)
    return "x-failed-recipients" in fields or (daemon and (told or empty)) or (
        told and (empty or content_type.startswith("multipart/report"))
    )  # fmt: skip


def _answers_itself(fields: Mapping[str, str], subject: str) -> bool:
    submitted = fields.get("auto-submitted", "no").partition(";")[0].strip().lower()
    if submitted not in ("no", ""):
        return True
    if any(name in fields for name in ("x-autoreply", "x-autorespond", "x-autoresponder")):
        return True
    if fields.get("precedence", "").strip().lower() == "auto_reply":
        return True
    return subject.lower().startswith(AUTO_SUBJECTS)


def _is_list(fields: Mapping[str, str]) -> bool:
    if any(name in fields for name in ("list-id", "list-unsubscribe", "list-post", "list-help")):
        return True
    return fields.get("precedence", "").strip().lower() in ("list", "bulk", "junk")


def may_be_answered(sort: str, sender: str, ours: Sequence[str]) -> bool:
    """May a machine of ours write to whoever sent this? Never to machines, lists or ourselves."""
    address = sender.lower()
    known = address and not address.startswith((*NOREPLY, *DAEMONS))
    return bool(sort == "normal" and known and address not in {one.lower() for one in ours})


def trusted(results: Sequence[str], authserv: str) -> dict[str, str]:
    """What our own mail server says of the sender: `dkim`, `spf`, `dmarc` and their results.

    Only fields that begin with its own name count: anybody can write the others.
    """
    found: dict[str, str] = {}
    for value in results if authserv else ():
        name, _, rest = value.partition(";")
        if name.split()[:1] != [authserv]:
            continue
        for part in rest.split(";")[:20]:
            method, _, result = part.strip().partition("=")
            key = method.strip().lower()
            if key in ("dkim", "spf", "dmarc") and result:
                found.setdefault(key, result.split()[0].lower()[:20])
    return found
