"""Addresses as people write them."""


def host_port(text: str) -> tuple[str, int]:
    """`127.0.0.1:5060` or `[::1]:5060` as a pair. Raises `ValueError` with the remedy."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError("write it as host:port, such as 127.0.0.1:5060")
    return host, int(port)
