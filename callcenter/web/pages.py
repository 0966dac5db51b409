"""The files of the screens, and what a browser may do with them.

Why: types are told by a table of ours, not by the machine's (a minimal image has none, and a
module served as text does not run). The policy allows scripts, styles and connections of our own
origin only, and no text ever becomes markup (trusted types).

Sources: CSP Level 3; Trusted Types; OWASP secure headers.
"""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from callcenter.web.problems import Refused

STATIC = Path(__file__).parent / "static"

TYPES: dict[str, str] = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
}
"""Every type that is served; a file of another kind does not exist."""

PAGES: dict[str, str] = {"/": "wall.html", "/desk": "desk.html", "/login": "login.html"}

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; font-src 'self'; media-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)

HEADERS: dict[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}


async def secure(request: web.Request, response: web.StreamResponse) -> None:
    """Every answer carries the headers; answers about people are kept by nobody."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    fixed = request.path.startswith("/static/")
    response.headers.setdefault("Cache-Control", "no-cache" if fixed else "no-store")
    response.headers["Server"] = "callcenter"


def file_response(folder: Path, name: str) -> web.FileResponse:
    """A file of `folder` by its relative name. Raises `Refused` (404) for anything else."""
    if "\0" in name or name.endswith("/"):
        raise Refused(404, "there is no such page")
    root = folder.resolve()
    path = (root / name).resolve()
    kind = TYPES.get(path.suffix)
    hidden = any(part.startswith(".") for part in Path(name).parts)
    if kind is None or hidden or not path.is_relative_to(root) or not path.is_file():
        raise Refused(404, "there is no such page")
    text = kind.startswith("text/") or kind.endswith(("json", "xml"))
    content_type = f"{kind}; charset=utf-8" if text else kind
    return web.FileResponse(path, headers={"Content-Type": content_type})
