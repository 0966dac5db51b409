"""What a peer did wrong, with the answer it gets.

Why: whoever finds the fault knows best what to say about it. The finder raises, the endpoint only
has to look at `status`, and at `request` when the message could not be parsed but enough of it was
readable to answer (RFC 3261 8.2.6 wants Via, From, To, Call-ID and CSeq echoed).

Sources: RFC 3261 21 (status codes), 8.2 (which to use when), RFC 4475.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from callcenter.domain.errors import RemoteError

if TYPE_CHECKING:
    from callcenter.sip.message import Request

REASON_PHRASES: dict[int, str] = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    412: "Conditional Request Failed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    430: "Flow Failed",
    439: "First Hop Lacks Outbound Support",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
}
"""The phrase that the RFCs give each status; anything else is written as empty."""


def reason_phrase(status: int) -> str:
    """The phrase of a status; empty for one that no RFC names."""
    return REASON_PHRASES.get(status, "")


class SipError(RemoteError):
    """A message that must not be acted on.

    Attributes:
        status: what to answer, were it a request (a faulty response is only discarded).
        phrase: the reason phrase of the answer.
        detail: for logs and counters; holds nothing the peer sent but its shape.
        headers: what the answer must carry besides (`Unsupported`, `Accept`, `Allow`).
        request: as much of the request as could be read, or None: then nothing can be answered.
    """

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        phrase: str = "",
        headers: Sequence[tuple[str, str]] = (),
        request: "Request | None" = None,
    ) -> None:
        self.status = status
        self.phrase = phrase or reason_phrase(status)
        self.detail = detail
        self.headers = tuple(headers)
        self.request = request
        super().__init__(f"{status} {self.phrase}" + (f": {detail}" if detail else ""))
