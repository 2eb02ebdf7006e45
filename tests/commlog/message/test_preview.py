"""The preview of HTML e-mails: three walls, each tested by itself; and the files of a message."""

import re
import time

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from commlog.message.preview import LARGEST, clean, document
from tests.factories import make_message, officer, outsider, viewer

CORPUS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<form action=https://evil.example><input name=password><button>Sign in</button></form>",
    "<a href='javascript:alert(1)'>x</a><a href='data:text/html,<script>alert(1)</script>'>x</a><a href=' "
    "java\nscript:alert(1)'>x</a>",
    "<style>body{background:url(https://evil.example)}</style><p "
    "style='background:url(https://evil.example)'>x</p>",
    "<iframe src=https://evil.example></iframe><object data=x></object><embed src=x><base "
    "href=https://evil.example>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'><link rel=stylesheet "
    "href=https://evil.example>",
    "<img srcset='https://evil.example 1x' src=data:image/svg+xml;base64,PHN2Zz4=>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<template><script>alert(1)</script></template><xss onclick=alert(1)>x</xss>",
    "</body></html><script>alert(1)</script>",
    "<video src=https://evil.example autoplay></video><input autofocus onfocus=alert(1)>",
]
FORBIDDEN = re.compile(
    r"<\s*(script|svg|math|form|input|button|iframe|object|embed|base|meta|link|style|template|video)|\son\w+\s*=|\sstyle\s*=|srcset",
    re.IGNORECASE,
)


def _tags(html: str) -> str:
    return " ".join(re.findall(r"<[^>]*>", html))


@pytest.mark.parametrize("evil", CORPUS)
def test_the_first_wall_lets_nothing_through_that_acts(evil: str) -> None:
    left = _tags(clean(f"<p>before</p>{evil}<p>after</p>").html)
    assert not FORBIDDEN.search(left)
    assert not re.search(
        r"(href|src)\s*=\s*[\"']?\s*(javascript|data:(?!image/(png|gif|jpeg|webp)))", left, re.IGNORECASE
    )
    assert not re.search(r"<img[^>]*evil\.example", left)


@given(st.text(max_size=300) | st.text(alphabet="<>\"'/= aimgscripton:&;#\n", max_size=300))
@settings(deadline=None)
def test_the_first_wall_holds_whatever_comes(text: str) -> None:
    assert not FORBIDDEN.search(_tags(clean(text).html))


def test_what_an_ordinary_mail_has_stays() -> None:
    mail = '<h1>Hi</h1><p align="center">Dear <b>Ana</b>, <a href="https://example.org/">pay</a></p>'
    mail += '<table><tr><td colspan="2">1</td></tr></table>'
    left = clean(mail).html
    for tag in ("<h1>Hi</h1>", "<b>Ana</b>", 'href="https://example.org/"', '<td colspan="2">1</td>'):
        assert tag in left


def test_pictures_from_elsewhere_are_counted_and_not_loaded() -> None:
    here = "data:image/png;base64,iVBORw0KGgo="
    mail = (
        '<img src="https://t.example/1.gif" alt="logo"><img src="//t.example/2.gif"><img src="cid:3" '
        f'alt="attached"><img src="{here}">'
    )
    made = clean(mail)
    assert made.blocked == 2  # a part of the mail itself is not elsewhere, and we send none
    assert (
        made.html.count("<img"),
        made.html.count("src="),
        here in made.html,
        'alt="logo"' in made.html,
    ) == (4, 1, True, True)
    assert "2 external images are not shown" in document(mail)
    assert "not shown" not in document("<p>Hi</p>")


def test_a_very_long_text_is_shown_as_source_and_quickly() -> None:
    began = time.monotonic()
    made = document("&amp;<b>" * LARGEST)
    assert time.monotonic() - began < 2
    assert "too long for a preview" in made
    assert "<b>" not in made
    assert len(made) < 10 * LARGEST


@pytest.mark.django_db
def test_the_second_wall_is_a_policy_of_its_own(client: Client) -> None:
    client.force_login(viewer())
    message = make_message(html="<p>Hi</p><script>alert(1)</script>")
    response = client.get(f"/communications/{message.key.hex}/preview/")
    policy = {part.strip() for part in response["Content-Security-Policy"].split(";")}
    assert policy == {
        "sandbox", "default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", "base-uri 'none'",
        "form-action 'none'", "frame-ancestors 'self'",
    }  # fmt: skip
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert (response["X-Frame-Options"], response["X-Content-Type-Options"]) == ("SAMEORIGIN", "nosniff")
    assert (response["Cache-Control"], response["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert "<p>Hi</p>" in response.text
    assert "script" not in response.text


@pytest.mark.django_db
def test_the_other_pages_keep_theirs(client: Client) -> None:
    client.force_login(viewer())
    message = make_message(html="<p>Hi</p>")
    for path in ("", "download/text/", "download/html/"):
        response = client.get(f"/communications/{message.key.hex}/{path}")
        assert response["X-Frame-Options"] == "DENY"
        assert "script-src 'self'" in response["Content-Security-Policy"]


@pytest.mark.django_db
def test_files_hold_what_was_sent_and_are_never_drawn(client: Client) -> None:
    client.force_login(viewer())
    text, html = "abc\r\n\u202e🐘 <script>", "<script>alert(1)</script>"
    message = make_message(content=text, html=html, subject='";\r\nX: y')
    for part, held, ending in (("text", text, "txt"), ("html", html, "html")):
        response = client.get(f"/communications/{message.key.hex}/download/{part}/")
        assert response.content == held.encode()
        assert response["Content-Type"] == "text/plain; charset=utf-8"
        assert response["Content-Disposition"] == f'attachment; filename="message-{message.key.hex}.{ending}"'
        assert (response["X-Content-Type-Options"], response["Cache-Control"]) == ("nosniff", "no-store")


@pytest.mark.django_db
def test_content_takes_the_right_to_read(client: Client) -> None:
    message = make_message(html="<p>Hi</p>")
    for person, status in ((viewer(), 200), (officer(), 200), (outsider(), 403)):
        client.force_login(person)
        for path in ("preview/", "download/text/", "download/html/"):
            assert client.get(f"/communications/{message.key.hex}/{path}").status_code == status


@pytest.mark.django_db
def test_there_is_no_preview_of_plain_text(client: Client) -> None:
    client.force_login(viewer())
    assert client.get(f"/communications/{make_message().key.hex}/preview/").status_code == 404
