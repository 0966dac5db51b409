"""HTML as plain text: for those who read, search and sort; nothing is run and nothing is loaded.

Why: many mails say everything in HTML alone. One pass with the standard tokenizer, no tree, so that
50,000 nested elements cost no more than their bytes.
"""

from html.parser import HTMLParser

BREAKS = frozenset(
    {"br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "blockquote", "table", "hr"}
)
SILENT = frozenset({"script", "style", "head", "title", "template"})


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 the parser's own shape
        if tag in SILENT:
            self._silent += 1
        elif tag in BREAKS:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in BREAKS:
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


def text_of_html(page: str) -> str:
    """The words of a page, a line per block."""
    reader = _Words()
    reader.feed(page)
    lines = ("".join(reader.words)).replace("\xa0", " ").split("\n")
    out: list[str] = []
    for line in (" ".join(line.split()) for line in lines):
        if line or (out and out[-1]):
            out.append(line)
    return "\n".join(out).strip()
