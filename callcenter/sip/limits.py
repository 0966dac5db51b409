"""How much of anything we take from a peer.

Why: every message comes from a stranger until its digest was checked, and that is after parsing.
Each limit is far above what a phone or a trunk sends, and low enough that no message of 64 kB
costs more than 50 ms. Reaching one is an answer with a status, never a slow process.

Sources: RFC 3261 18.1.1 (65535 bytes), 16.6 (Max-Forwards 70), RFC 4475 3.1.1.7 (34 Via values
and lines of 600 bytes are legal).
"""

MESSAGE_BYTES_MAX = 65_535
"""A whole message, head and body, on any transport. Beyond: 513, and a stream is closed."""
HEAD_BYTES_MAX = 32_768
"""Start line and header fields. Beyond: 513."""
BODY_BYTES_MAX = 49_152
"""Beyond: 413."""
LINE_BYTES_MAX = 8_192
"""One header field, unfolded. Beyond: 400."""
URI_BYTES_MAX = 2_048
"""A Request-URI. Beyond: 414."""
NAME_BYTES_MAX = 256
"""Name of a header field. Beyond: 400."""
METHOD_BYTES_MAX = 64
"""Beyond: 400."""
HEADERS_MAX = 256
"""Header lines. Beyond: 400."""
VIAS_MAX = 70
"""Via values, on however many lines: the default of Max-Forwards. Beyond: 400."""
LIST_VALUES_MAX = 64
"""Values of a comma list such as Contact, Route, Record-Route. Beyond: 400."""
PARAMETERS_MAX = 64
"""Parameters of one value or URI. Beyond: 400."""
CSEQ_MAX = 2**31 - 1
"""RFC 3261 8.1.1.5: less than 2**31."""
EXPIRES_SECONDS_MAX = 2**32 - 1
"""RFC 3261 20.19; more is taken as this much."""
MAX_FORWARDS_MAX = 255
KEEPALIVE_BYTES_MAX = 256
"""CRLF pings that may stand before a message on a stream (RFC 5626 3.5.1)."""
FRAGMENTS_MAX = 64
"""Frames of one WebSocket message. Beyond: the connection is closed with 1009."""
SDP_BYTES_MAX = 16_384
"""A session description. Beyond: 413."""
SDP_MEDIA_MAX = 8
"""`m=` lines. Beyond: 400, as for the next two."""
SDP_ATTRIBUTES_MAX = 64
"""`a=` lines of the session, and of each media."""
SDP_FORMATS_MAX = 32
"""Payload types of one media."""
MULTIPART_PARTS_MAX = 16
"""Parts of a multipart body that are looked at."""
AUTHORIZATIONS_MAX = 8
"""Credentials of one request that are looked at."""
NONCES_MAX = 20_000
"""Nonces whose use is remembered; the oldest are forgotten, which makes them stale."""
CACHED_TEXT_MAX = 512
"""Longer strings are parsed afresh each time, so that no peer can fill our caches with bulk."""
