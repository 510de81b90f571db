"""What a page says: its texts for people, without what is code, data of forms or a script's."""

import re
from html.parser import HTMLParser

SILENT = {"script", "style", "code", "pre", "textarea", "samp", "svg", "template"}
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
SAID_BY_ATTRIBUTES = {"aria-label", "title", "placeholder", "alt"}
WORD = re.compile(r"[^\W\d_]{3,}")
CODE = re.compile(r"[A-Z]+(_[A-Z]+)+")  # NOT_ENOUGH_MEMORY: never changes, in any language

DATA = frozenset(
    WORD.findall(
        "alice charlie till chat plain text lan shop site rome tiny support weights gguf llama cpp"
        " linux intel context length parallel sequences tokens per sequence reasoning code"
        " completion registry mirror http var run docker sock ops process tcp"
    )
)
"""Words of names that people gave and of what machines told, in `fleet.make_fleet`."""
SHARED = frozenset(
    WORD.findall(
        "slipway alias anthropic api audit broker budget completions cpu csv ctrl curl"
        " database deployment digest django docker embeddings english esc file gateway gguf gib gpu"
        " host italiano javascript json log menu messages mib micro min modelfile ollama openai"
        " password playground postgresql python redis replica responses runtime sha sqlite"
        " ssh template tls tok token top url utc valkey"
    )
)
"""Words that English and Italian write alike."""


class _Listener(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[bool] = []  # whether each open element is silent
        self.texts: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if not any(self.open) and tag != "textarea":  # it holds an example of what to paste
            for name in SAID_BY_ATTRIBUTES & set(named):
                self._heard(named[name] or "")
        if tag not in VOID:
            is_data = "mono" in (named.get("class") or "").split() or named.get("lang")
            self.open.append(tag in SILENT or (bool(is_data) and tag != "html"))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and self.open:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if not any(self.open):
            self._heard(data)

    def _heard(self, text: str) -> None:
        shown = " ".join(text.split())
        if WORD.search(shown):
            self.texts.add(shown)


def spoken(html: str) -> set[str]:
    """Return every text of the page that holds a word."""
    listener = _Listener()
    listener.feed(html)
    return listener.texts


def untranslated(said_in_both: set[str]) -> set[str]:
    """Return what two languages say alike, but for names, codes and the words that they share."""
    found = {text: WORD.findall(CODE.sub("", text).lower()) for text in said_in_both}
    return {text for text, words in found.items() if set(words) - DATA - SHARED}
