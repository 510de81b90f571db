"""What a model wrote, as HTML that cannot do anything: text, structure, code and plain links.

Two guards, each enough alone: the parser knows no raw HTML, and the sanitiser lets only the tags
and attributes named here through. Sanitising comes last: what is safe before rendering is not safe
after it. Pictures become links, so that reading an answer fetches nothing.
"""

from collections.abc import MutableMapping, Sequence
from typing import Any

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

LIMIT = 40_000  # characters that are rendered, 2 s at the very worst; the rest is shown as it is

_TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li"),
    *("strong", "em", "s", "code", "pre", "a"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href", "title", "target"}, "code": {"class"}, "ol": {"start"}}
_SCHEMES = {"http", "https", "mailto"}


class _Renderer(RendererHTML):
    def link_open(
        self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]
    ) -> str:
        tokens[idx].attrSet("target", "_blank")
        return self.renderToken(tokens, idx, options, env)

    def image(
        self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]
    ) -> str:
        token = tokens[idx]
        address = escape(str(token.attrGet("src") or ""))
        return f'<a href="{address}" target="_blank">{escape(token.content or address)}</a>'


_markdown = MarkdownIt("js-default", {"html": False, "linkify": False}, renderer_cls=_Renderer)
_cleaner = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    url_schemes=_SCHEMES,
    link_rel="noopener noreferrer nofollow",
    strip_comments=True,
)


def markdown_html(text: str) -> SafeString:
    """Return Markdown as safe HTML; never raises, whatever the text."""
    rendered, rest = text[:LIMIT], text[LIMIT:]
    html = _cleaner.clean(_markdown.render(rendered))
    if rest:
        html += f"<pre><code>{escape(rest)}</code></pre>"
    return mark_safe(html)  # noqa: S308 - the sanitiser above is what makes it safe
