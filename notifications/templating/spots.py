"""The context of each placeholder in a text, which decides how its value is escaped.

Contexts are a tag, a link or a JSON string, for instance.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from html import unescape

# Its name, and whether its value is marked secret.
PLACEHOLDER = re.compile(r"\{(CF:[^{}\r\n]{1,200}?|[A-Za-z_][A-Za-z0-9_]{0,63})(\|secret)?\}")
_MARKED = "|secret}"


class Place(Enum):
    """The kind of text, which decides what has a special meaning in it."""

    TEXT = "TEXT"
    LINE = "LINE"  # a subject: no line break reaches the mail's head
    HTML = "HTML"
    XML = "XML"
    JSON = "JSON"
    URL = "URL"


class Spot(Enum):
    """The context of a placeholder in its text."""

    TEXT = auto()
    PATH = auto()  # of a URL; every text has these
    QUERY = auto()  # or fragment
    HOST = auto()
    MAILBOX = auto()  # behind mailto:, tel: or sms:
    LINK = auto()  # a whole URL, or the beginning of one, where nothing but a URL can stand
    CODE = auto()  # script, style, the name of a tag or attribute: no value belongs there
    HTML = auto()
    HTML_BARE = auto()  # a part of an attribute's value without quotes
    XML = auto()
    XML_ATTRIBUTE = auto()
    CDATA = auto()
    JSON_STRING = auto()
    JSON_VALUE = auto()


@dataclass(frozen=True, slots=True)
class Standing:
    """A placeholder in its text."""

    name: str
    start: int
    end: int
    spot: Spot
    wrap: bool = False  # an attribute's whole value, without quotes: they are added
    secret: bool = False  # whether nobody is to read its value


@dataclass(frozen=True, slots=True)
class _Region:
    """A part of a marked-up text that is not plain text."""

    start: int
    end: int
    kind: str  # attribute, bare, code, comment or cdata
    attribute: str = ""


# In the masked text a placeholder is this character as many times as it is long: texts cannot hold it, and no
# grammar knows it.
_MASK = "\0"
_OPENING = re.compile(r"<!--\[if[^>]*>|<!--|<!\[CDATA\[|<[a-zA-Z/!?\x00]", re.IGNORECASE)
_NAME = re.compile(r"[^\s>/]*")
_ATTRIBUTE = re.compile(
    r"""(?P<space>[\s/]*)(?P<name>[^\s=>/]+)(?:\s*=\s*(?:"(?P<double>[^"]*)(?:"|\Z)|'(?P<single>[^']*)(?:'|\Z)|(?P<bare>[^\s>"'][^\s>]*)))?"""
)
_URL_ATTRIBUTES = frozenset(
    (
        "href",
        "src",
        "srcset",
        "action",
        "formaction",
        "cite",
        "background",
        "poster",
        "data",
        "longdesc",
        "xlink:href",
        "ping",
        "usemap",
    )
)
_SCHEME = re.compile(r"\s*([a-z\x00][a-z0-9+.\x00-]*):", re.IGNORECASE)
_SCRIPTS = frozenset(("javascript", "vbscript", "data"))
_ESCAPE_OR_MARK = re.compile(r'\\.|"', re.DOTALL)
_LOOKED_AT = 2048  # characters of a link before a placeholder
_RUN = re.compile(r'[^\s<>"]+')
# Slashes may be escaped: so some programs write JSON.
_ADDRESS = re.compile(r"https?:(?:\\?/){2}[^/?#\\]+(?=\\?[/?#])", re.IGNORECASE)
_AFTER_LINK = re.compile(r"[?&#][\w.-]+=")


def names_in(text: str) -> list[str]:
    """Return the placeholders of a text, each once, in order."""
    return list(dict.fromkeys(found.group(1) for found in PLACEHOLDER.finditer(text)))


def secrets_in(text: str) -> frozenset[str]:
    """Return the placeholders whose values a text marks secret."""
    if _MARKED not in text:
        return frozenset()
    return frozenset(found.group(1) for found in PLACEHOLDER.finditer(text) if found.group(2))


def standings(text: str, place: Place) -> list[Standing]:
    """Return every placeholder of the text with its context, in order."""
    masked = PLACEHOLDER.sub(lambda found: _MASK * len(found.group()), text)
    where = _READERS[place](masked)
    return [
        Standing(found.group(1), *found.span(), *where(*found.span()), secret=bool(found.group(2)))
        for found in PLACEHOLDER.finditer(text)
    ]


_Where = Callable[[int, int], tuple[Spot, bool]]


def _plain(masked: str) -> _Where:
    links = _Links(masked)
    return lambda start, _: (links.spot(start) or Spot.TEXT, False)


def _url(masked: str) -> _Where:
    rest = _search(r"[/?#]", masked, masked.find("://") + 3)
    query = _search(r"[?#]", masked, rest)
    return lambda start, _: (
        Spot.HOST if start <= rest else Spot.QUERY if start > query else Spot.PATH,
        False,
    )


def _json(masked: str) -> _Where:
    ends, links = list(_quotes(masked)), _Links(masked)

    def where(start: int, _: int) -> tuple[Spot, bool]:
        inside = bisect_right(ends, start) % 2 == 1
        return (links.spot(start) or Spot.JSON_STRING if inside else Spot.JSON_VALUE), False

    return where


def _quotes(masked: str) -> Iterator[int]:
    """Yield the end of each quotation mark of a string. A backslash outside a string is not valid JSON."""
    return (found.end() for found in _ESCAPE_OR_MARK.finditer(masked) if found.group() == '"')


def _html(masked: str) -> _Where:
    regions, links = list(_regions(masked, xml=False)), _Links(masked)
    starts = [region.start for region in regions]

    def where(start: int, end: int) -> tuple[Spot, bool]:
        region = _at(regions, starts, start)
        if region is None:
            return links.spot(start) or Spot.HTML, False
        if region.kind in ("comment", "cdata"):
            return Spot.HTML, False
        if region.kind == "code" or region.attribute == "style" or region.attribute.startswith("on"):
            return Spot.CODE, False
        wrap = region.kind == "bare" and (region.start, region.end) == (start, end)
        if region.attribute in _URL_ATTRIBUTES:
            return _in_link(unescape(masked[region.start : min(start, region.start + _LOOKED_AT)])), wrap
        other = Spot.HTML_BARE if region.kind == "bare" and not wrap else Spot.HTML
        return links.spot(start, since=region.start) or other, wrap

    return where


def _xml(masked: str) -> _Where:
    regions, links = list(_regions(masked, xml=True)), _Links(masked)
    starts = [region.start for region in regions]
    kinds = {
        "attribute": Spot.XML_ATTRIBUTE,
        "bare": Spot.CODE,
        "code": Spot.CODE,
        "comment": Spot.CODE,
        "cdata": Spot.CDATA,
    }

    def where(start: int, _: int) -> tuple[Spot, bool]:
        region = _at(regions, starts, start)
        spot = kinds[region.kind] if region else Spot.XML
        inside = None if spot is Spot.CODE else links.spot(start, since=region.start if region else 0)
        return inside or spot, False

    return where


def _at(regions: list[_Region], starts: list[int], offset: int) -> _Region | None:
    place = bisect_right(starts, offset) - 1
    return regions[place] if place >= 0 and offset < regions[place].end else None


def _regions(text: str, *, xml: bool) -> Iterator[_Region]:
    """Yield the parts not shown as text, in order. Conditional comments of mail programs are read as HTML."""
    at = 0
    while opening := _OPENING.search(text, at):
        start, at = opening.span()
        mark = opening.group()
        if mark == "<!--":
            at = _after(text, "-->", at)
            yield _Region(start, at, "comment")
        elif mark.upper() == "<![CDATA[":
            inside, at = at, _after(text, "]]>", at)
            yield _Region(inside, at, "cdata")
        elif len(mark) == 2:
            name = _NAME.match(text, start + 1)
            element = name.group().lower() if name else ""
            yield _Region(start, start + 1 + len(element), "code")
            parts = list(_attributes(text, start + 1 + len(element)))
            yield from parts
            at = _after(text, ">", parts[-1].end if parts else start + 1)
            if not xml and element in ("script", "style"):
                inside, at = at, _before_end(text, element, at)
                yield _Region(inside, at, "code")


def _attributes(text: str, at: int) -> Iterator[_Region]:
    """Yield names and values up to the end of the tag."""
    while at < len(text) and text[at] != ">":
        found = _ATTRIBUTE.match(text, at)
        if not found:
            at += 1
            continue
        name = found["name"].lower()
        yield _Region(*found.span("name"), "code")
        for group, kind in (("double", "attribute"), ("single", "attribute"), ("bare", "bare")):
            if found[group] is not None:
                yield _Region(*found.span(group), kind, name)
        at = found.end()


def _after(text: str, mark: str, at: int) -> int:
    found = text.find(mark, at)
    return len(text) if found < 0 else found + len(mark)


def _before_end(text: str, element: str, at: int) -> int:
    found = re.compile(f"</{element}", re.IGNORECASE).search(text, at)
    return found.start() if found else len(text)


class _Links:
    """The URLs in a text. A value directly behind one is part of it."""

    def __init__(self, masked: str) -> None:
        self._links: list[tuple[int, int, int]] = []  # where its path begins, its query, and where it ends
        self._after_links: set[int] = set()  # behind {LINK}?ref=
        for run in _RUN.finditer(masked):
            if found := _ADDRESS.search(masked, *run.span()):
                self._links.append((found.end(), _search(r"[?#]", masked, found.end(), run.end()), run.end()))
            elif run.group().startswith(_MASK):
                self._after_links.update(each.end() for each in _AFTER_LINK.finditer(masked, *run.span()))

    def spot(self, start: int, *, since: int = 0) -> Spot | None:
        """Return the context of this position in a URL that begins at `since` or later; None outside one."""
        place = bisect_right(self._links, (start, -1, -1)) - 1
        path, query, end = self._links[place] if place >= 0 else (0, 0, 0)
        if since <= path < start < end:
            return Spot.QUERY if start > query else Spot.PATH
        return Spot.QUERY if start in self._after_links else None


def _search(pattern: str, text: str, start: int, end: int | None = None) -> int:
    end = len(text) if end is None else end
    found = re.compile(pattern).search(text, start, end)
    return found.start() if found else end


def _in_link(before: str) -> Spot:
    if not before.strip():
        return Spot.LINK
    scheme = _SCHEME.match(before)
    word = scheme.group(1).lower() if scheme else ""
    if word in _SCRIPTS or (_MASK in word and word):
        return Spot.CODE
    if word in ("http", "https"):
        return _url(before)(len(before), 0)[0]
    if "?" in before or "#" in before:
        return Spot.QUERY
    return Spot.MAILBOX if word in ("mailto", "tel", "sms") else Spot.PATH


_READERS: dict[Place, Callable[[str], _Where]] = {
    Place.TEXT: _plain,
    Place.LINE: _plain,
    Place.HTML: _html,
    Place.XML: _xml,
    Place.JSON: _json,
    Place.URL: _url,
}
