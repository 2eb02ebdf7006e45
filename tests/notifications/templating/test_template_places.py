"""A value comes back as it was, and as nothing else, wherever in a text its placeholder stands."""

import json
import re
from email.message import EmailMessage
from html.parser import HTMLParser
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.templating import Place, fill

_values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
_awkward = st.lists(
    st.sampled_from(
        [*"&<>\"'`=/\\?#%+:;{}[]()|.-!\r\n\t ", "&amp;", "]]>", "-->", "{A}", "<b>", "é", "\u2028"]
    ),
    max_size=12,
)
_any = st.one_of(_values, _awkward.map("".join))
_xml_values = _any.map(lambda text: re.sub(r"[^\t\n\r -\ud7ff\ue000-\ufffd]", "", text))
_without_controls = _any.map(lambda text: re.sub(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]", "", text))
_many = settings(max_examples=80, deadline=None)


class _Read(HTMLParser):
    """What a mail program sees."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def of(template: str, place: Place, **values: str) -> str:
    return fill(template, values, place)


@_many
@given(_any)
def test_in_a_text(value: str) -> None:
    assert of("Dear {A}, hello", Place.TEXT, A=value) == f"Dear {value}, hello"


@_many
@given(_any)
def test_in_the_text_of_html(value: str) -> None:
    read = _Read(of("<p>{A}</p><i>x</i>", Place.HTML, A=value))
    assert (read.text, [tag for tag, _ in read.tags]) == (f"{value}x", ["p", "i"])


@pytest.mark.parametrize("quotes", ['"', "'", ""])
@_many
@given(value=_any)
def test_in_an_attribute_of_html(value: str, quotes: str) -> None:
    read = _Read(of(f"<td title={quotes}{{A}}{quotes} width=3>x", Place.HTML, A=value))
    assert (read.tags, read.text) == ([("td", {"title": value, "width": "3"})], "x")


@_many
@given(_without_controls)
def test_in_a_part_of_an_attribute_without_quotes(value: str) -> None:
    read = _Read(of("<td title=a{A}b width=3>x", Place.HTML, A=value))
    assert (read.tags, read.text) == ([("td", {"title": f"a{value}b", "width": "3"})], "x")


@pytest.mark.parametrize(
    ("template", "place"),
    [
        ("https://pay.example/go?ref={A}&id={B}", Place.URL),
        ("https://pay.example/go?ref={A}&id={B}", Place.TEXT),
        ("https://pay.example/go?ref={A}&id={B}", Place.LINE),
        ('<a href="https://pay.example/go?ref={A}&amp;id={B}">', Place.HTML),
        ("<A HREF = 'https://pay.example/go?ref={A}&amp;id={B}'>", Place.HTML),
        ("<a href=https://pay.example/go?ref={A}&amp;id={B}>", Place.HTML),
        ('<!--[if mso]><v:rect href="https://pay.example/go?ref={A}&amp;id={B}"><![endif]-->', Place.HTML),
    ],
)
@_many
@given(a=_any, b=_any)
def test_in_the_query_of_a_link(template: str, place: Place, a: str, b: str) -> None:
    made = of(template, place, A=a, B=b).removeprefix("<!--[if mso]>")
    url = str(_Read(made).tags[0][1]["href"]) if place is Place.HTML else made
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.path, parts.fragment) == ("https", "pay.example", "/go", "")
    assert parse_qs(parts.query, keep_blank_values=True) == {"ref": [a], "id": [b]}
    assert url.isascii()
    assert not set(url) & set(" \"'<>\\^`{|}\r\n\t")


@pytest.mark.parametrize(
    ("template", "place"),
    [
        ("https://pay.example/a/{A}/b", Place.URL),
        ("See (https://pay.example/a/{A}/b", Place.TEXT),
        ('<img src="https://pay.example/a/{A}/b">', Place.HTML),
        ('<a href="/a/{A}/b">', Place.HTML),
    ],
)
@_many
@given(value=_any)
def test_in_the_path_of_a_link(template: str, place: Place, value: str) -> None:
    made = of(template, place, A=value)
    url = (
        str(next(iter(_Read(made).tags[0][1].values())))
        if place is Place.HTML
        else made.removeprefix("See (")
    )
    path = urlsplit(url).path.split("/")
    assert [unquote(each) for each in path] == ["", "a", value if value.strip(".") else "", "b"]


@pytest.mark.parametrize(
    "template",
    ['{"a": "{A}"}', '{"b\\"": 1, "a": "x\\\\{A}\\""}', '{"{B}": null, "a": "{A}", "c": {C}}'],
    ids=["string", "escapes", "several"],
)
@_many
@given(value=_any)
def test_in_a_string_of_json(template: str, value: str) -> None:
    before, after = ("x\\", '"') if "x" in template else ("", "")
    assert json.loads(of(template, Place.JSON, A=value, B="b"))["a"] == f"{before}{value}{after}"


@_many
@given(_any)
def test_as_a_value_of_json(value: str) -> None:
    read = json.loads(of('{"a": {A}, "b": 1}', Place.JSON, A=value), parse_int=str, parse_float=str)
    assert read == {"a": value or None, "b": "1"}


@_many
@given(_xml_values)
def test_in_xml(value: str) -> None:
    read = ElementTree.fromstring(
        of("<r a=\"{A}\" b='{A}'>{A}<c><![CDATA[]]{A}]]></c></r>", Place.XML, A=value)
    )
    assert (read.get("a"), read.get("b"), read.text or "") == (value, value, value)
    # No writing keeps a CR in CDATA.
    assert read[0].text == "]]" + value.replace("\r\n", "\n").replace("\r", "\n")


@_many
@given(_any)
def test_in_a_header(value: str) -> None:
    line = of("Payment of {A}", Place.LINE, A=value)
    mail = EmailMessage()
    mail["Subject"] = line  # raises for a line break
    assert list(mail) == ["Subject"]
    assert " ".join(line.split()) == " ".join(f"Payment of {value}".split()) or any(
        ord(each) < 32 or 127 <= ord(each) < 160 for each in value
    )


LINKS = [
    ("https://pay.example/a?b=c&d=e%20f#g", "https://pay.example/a?b=c&d=e%20f#g"),
    (" https://pay.example/ ", "https://pay.example/"),
    ("HTTP://pay.example/a b", "HTTP://pay.example/a%20b"),
    ('https://pay.example/"><script>', "https://pay.example/%22%3E%3Cscript%3E"),
    ("https://straße.example/ü", "https://straße.example/ü"),
    ("mailto:help@bank.example", "mailto:help@bank.example"),
    ("tel:+441632960000", "tel:+441632960000"),
    ("javascript:alert(1)", ""),
    (" java\tscript:alert(1)", ""),
    ("data:text/html,x", ""),
    ("vbscript:x", ""),
    ("file:///etc/passwd", ""),
    ("//evil.example", ""),
    ("www.bank.example", ""),
    ("https:", ""),
    ("", ""),
]


@pytest.mark.parametrize(("value", "href"), LINKS)
@pytest.mark.parametrize("quotes", ['"', "'", ""])
def test_a_placeholder_that_is_the_whole_link_stays_a_link_of_a_kind_that_may_be_followed(
    value: str, href: str, quotes: str
) -> None:
    read = _Read(of(f"<a href={quotes}{{LINK}}{quotes}>Pay</a>", Place.HTML, LINK=value))
    assert (read.tags, read.text) == ([("a", {"href": href})], "Pay")


@pytest.mark.parametrize(
    ("template", "place", "made"),
    [
        ('<a href="{A}?ref={B}">', Place.HTML, '<a href="https://x.example/?ref=A%26B%20%231">'),
        ("Pay: {A}?ref={B}", Place.TEXT, "Pay: https://x.example/?ref=A%26B%20%231"),
        ("{B}/{B} is it? {B}", Place.TEXT, "A&B #1/A&B #1 is it? A&B #1"),
        ("https://{C}/", Place.TEXT, "https://portal.example/"),
        ("https://x.example: {B}", Place.TEXT, "https://x.example: A&B #1"),
        ("https://x.example/ {B}", Place.TEXT, "https://x.example/ A&B #1"),
        ('<a href="mailto:{D}?subject={B}">', Place.HTML, '<a '
                                                          'href="mailto:ana+x@bank.example?subject=A%26B%20%231">'),
        ('<a href="tel:{E}">', Place.HTML, '<a href="tel:+491701234567">'),
        ('{"url": "https://x.example/?ref={B}"}', Place.JSON, '{"url": "https://x.example/?ref=A%26B%20%231"}'),
        ("<u>https://x.example/?ref={B}</u>", Place.XML, "<u>https://x.example/?ref=A%26B%20%231</u>"),
        ("<p>https://x.example/?ref={B}<b>{B}</b></p>", Place.HTML,
         "<p>https://x.example/?ref=A%26B%20%231<b>A&amp;B #1</b></p>"),
        ("<!-- {F} --><p>{B}", Place.HTML, "<!-- --&gt;&lt;b&gt; --><p>A&amp;B #1"),
    ],
)  # fmt: skip
def test_what_is_a_link_and_what_is_none(template: str, place: Place, made: str) -> None:
    values = {
        "A": "https://x.example/",
        "B": "A&B #1",
        "C": "portal.example",
        "D": "ana+x@bank.example",
        "E": "+491701234567",
        "F": "--><b>",
    }
    assert fill(template, values, place) == made


@pytest.mark.parametrize(
    "template",
    [
        "<script>go('{A}')</script>",
        '<p style="color:{A}">',
        "<p onclick=\"go('{A}')\">",
        "<a href=\"javascript:go('{A}')\">",
        "<p {A}>",
        "<{A}>",
    ],
)
def test_of_a_template_that_was_saved_before_no_value_becomes_a_program(template: str) -> None:
    made = of(template, Place.HTML, A="');%27%29;alert(1);('\"><img src=x onerror=alert(1)>")
    before, _, after = template.partition("{A}")
    value = made.removeprefix(before).removesuffix(after)
    assert not set(value) & set("'\"()<>=;:&\\/%")


@pytest.mark.parametrize(
    "piece", ["<", "<a ", '<a b="', "<!--", "<![CDATA[", "{A}", '"', "\\", "https://x/?", "<script>", "&"]
)
@pytest.mark.parametrize("place", Place)
def test_a_long_text_is_read_to_its_end(place: Place, piece: str) -> None:
    text = piece * (100_000 // len(piece))
    assert len(fill(text, {"A": "A"}, place)) <= len(text) + 2
