"""What counts as a message that shows nothing."""

import email
import email.policy
from typing import Any
from uuid import UUID

import pytest

from bench.hostile.servers import ScriptedSmtp
from notifications.channels.base.blank import is_blank, is_blank_html
from notifications.channels.base.contract import DeliveryError, Envelope, Failure
from notifications.channels.email import EmailChannel
from notifications.failures import Reason

BLANK = [
    "",
    " ",
    "\r\n\t\x0b\x0c",
    "\u00a0\u2003\u3000\u2028\u2029\x85",
    "\u200b\u200c\u200d\u2060\ufeff\u00ad",
    "\u202a\u202e\u2066\u2069",
]
BLANK += ["\u034f\u115f\u1160\u17b4\u3164\uffa0\u2800", "\ufe0f\U000e0100", "\x00\x1b\x7f"]


@pytest.mark.parametrize("text", BLANK, ids=ascii)
def test_nothing_is_seen_of_it(text: str) -> None:
    assert is_blank(text)
    assert is_blank_html(f"<p>{text}</p>")
    assert not is_blank(f"{text}x{text}")


@pytest.mark.parametrize("text", [".", "0", "é", "\u0301", "😀", "👨\u200d👩", "한", "\ue000"])
def test_something_is_seen_of_it(text: str) -> None:
    assert not is_blank(text)
    assert not is_blank_html(f"<html><head><style>x</style></head><body>{text}</body></html>")


@pytest.mark.parametrize(
    "html",
    ["<p></p>", "<p>&nbsp;&#8203;&zwnj;&#xFEFF;</p>", "<!-- text -->", "<!-- never closed",
     "<style>p{color:red}</style>",
     "<STYLE>x</STYLE >",
     "<title>Statement</title>", "<script>text</script>", "<p",
     "<!doctype html><html><body><table><tr><td><br></td></tr></table></body></html>",
     '<img src="">', "<img src=' ' alt=''>", '<a href="https://bank.example/"></a>', "<style>never closed"],
)  # fmt: skip
def test_html_without_text_and_image(html: str) -> None:
    assert is_blank_html(html)


@pytest.mark.parametrize(
    "html",
    ["x", "&amp;", "a<b", "<p>.</p>", '<img src="https://bank.example/logo.png">', "<IMG SRC=logo.png>",
     '<img alt="Statement">', "<svg></svg>",
     '<td background="https://bank.example/a.png">', '<div style="background:url(cid:a)">',
     "<noscript>x</noscript>", "<titles>x</titles>"],
)  # fmt: skip
def test_html_with_text_or_image(html: str) -> None:
    assert not is_blank_html(html)


@pytest.mark.parametrize("piece", ["<", "<!--", "<style", "<a ", "&", "<p>", "<a \"'"])
def test_a_hostile_text_is_read_once(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    assert is_blank_html(f"{text}") == is_blank_html(piece)


def _letter(**texts: str) -> Any:
    server = ScriptedSmtp()
    channel = EmailChannel(
        "127.0.0.1", server.port, from_address="Bank <no-reply@bank.example>", deadline=3.0
    )
    try:
        channel.send(Envelope(UUID(int=7), "ana@example.org", subject="Statement", **texts))
        return email.message_from_bytes(server.mails[0], policy=email.policy.default)
    finally:
        channel.close()
        server.close()


def test_a_version_that_shows_nothing_is_left_out() -> None:
    assert _letter(body="Dear Ana", html="<p>&nbsp;</p>").get_content_type() == "text/plain"
    assert [part.get_content_type() for part in _letter(body=" \n", html="<p>Dear Ana</p>").iter_parts()] == [
        "text/html"
    ]


@pytest.mark.parametrize(
    "texts", [{}, {"body": "\u200b"}, {"html": "<p></p>"}, {"body": " ", "html": "<style>p{}</style>"}]
)
def test_a_mail_that_shows_nothing_is_never_sent(texts: dict[str, str]) -> None:
    with pytest.raises(DeliveryError) as caught:
        _letter(**texts)
    assert (caught.value.reason, caught.value.kind) == (Reason.OTHER, Failure.NEVER)
