"""The mails that we build by hand mean to a reader what Django's mean."""

import email
import email.policy
from email.message import EmailMessage
from uuid import UUID

import pytest
from django.core.mail import EmailMultiAlternatives
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.channels.base.contract import Envelope
from notifications.channels.email.addresses import plain_address
from notifications.channels.email.letter import compose, sender

KEY = UUID("0123456789abcdef0123456789abcdef")
FROM = "Commlog <noreply@example.org>"


def build(
    subject: str = "Hello",
    body: str = "Text",
    html: str = "",
    to: str = "a@example.com",
    origin: str = FROM,
    reply_to: str = "",
    **more: bool,
) -> bytes:
    envelope = Envelope(key=KEY, destination=to, subject=subject, body=body, html=html, **more)
    return compose(envelope, plain_address(to), sender(origin), sender(reply_to) if reply_to else None)


def read(octets: bytes) -> EmailMessage:
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


def django(subject: str, body: str, html: str, to: str, origin: str, reply_to: str) -> EmailMessage:
    mail = EmailMultiAlternatives(
        subject, body, origin, [to], reply_to=[reply_to], headers={"Auto-Submitted": "auto-generated"}
    )
    if html:
        mail.attach_alternative(html, "text/html")
    return read(mail.message().as_bytes(linesep="\r\n"))


def text_of(message: EmailMessage, kind: str) -> str | None:
    """The text of a part; line ends alike, and without the last one."""
    part = message.get_body((kind,))
    return None if part is None else lines(part.get_content())


def lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def assert_fit_for_smtp(octets: bytes) -> None:
    assert octets.isascii()
    assert octets.endswith(b"\r\n")
    assert b"\x00" not in octets
    assert octets.count(b"\n") == octets.count(b"\r") == octets.count(b"\r\n")
    assert max(map(len, octets.split(b"\r\n"))) <= 998


CORPUS = [
    ("Hello", "Text", "", "a@example.com", FROM),
    ("", "", "", "a@example.com", FROM),
    ("Grüße aus Köln", "Schöne Grüße\nÄÖÜ\n", "", "a@example.com", FROM),
    ("Ihr Kontoauszug 🎉", "€ 5,00", "<p>€ 5,00</p>", "a@example.com", "Bank für Alle <noreply@example.org>"),
    (
        "口座" * 60,
        "日本語" * 2000,
        "<b>日本語</b>",
        "o'neil+x@sub.example.com",
        "株式会社 <noreply@example.org>",
    ),
    (
        "A long subject of plain words " * 30,
        "short",
        "",
        "a@example.com",
        '"Doe, Jane (Ops)" <noreply@example.org>',
    ),
    ("x" * 2000, "y" * 5000, "<i>" + "z" * 5000 + "</i>", "a@example.com", "noreply@example.org"),
    ("dots", ".\n..\n.x\n\n.\n", "", "a@example.com", FROM),
    ("line ends", "a\r\nb\rc\nd\n\n\n", "", "a@example.com", FROM),
    ("From and trailing spaces", "From me  \n\tTabs\t\n  leading", "", "a@example.com", FROM),
    ("equals = signs", "a=b\n=3D=\n" + "=" * 1200, "", "a@example.com", FROM),
    ("An international domain", "x", "<p>ü</p>", "anna@bücher.example", "Käthe <k@müller.example.org>"),
    (
        "Looks =?utf-8?q?encoded?= but is not",
        "--boundary\n--=_0123456789abcdef0123456789abcdef\n",
        "<p/>",
        "a@example.com",
        FROM,
    ),
]


@pytest.mark.parametrize(
    ("subject", "body", "html", "to", "origin"), CORPUS, ids=[case[0][:20] or "empty" for case in CORPUS]
)
def test_reads_as_djangos(subject: str, body: str, html: str, to: str, origin: str) -> None:
    octets = build(subject, body, html, to, origin, origin)
    ours = read(octets)
    theirs = django(subject, body, html, to, origin, origin)

    assert_fit_for_smtp(octets)
    assert ours["Subject"] == subject
    assert text_of(ours, "plain") == text_of(theirs, "plain") == lines(body)
    assert text_of(ours, "html") == text_of(theirs, "html") == (lines(html) if html else None)
    assert ours["Auto-Submitted"] == theirs["Auto-Submitted"] == "auto-generated"
    for header in ("From", "Reply-To", "To"):
        assert [(a.display_name, a.addr_spec) for a in ours[header].addresses] == [
            (a.display_name, a.addr_spec) for a in theirs[header].addresses
        ]
    # Django lets a reader decode what was never encoded; of a long first word it makes a space and the word
    if "=?" not in subject:
        assert ours["Subject"].strip() == theirs["Subject"].strip()


def test_the_headers_are_these() -> None:
    message = read(build(html="<p>x</p>", reply_to="Help <help@example.org>"))
    assert list(message) == [
        "From",
        "Reply-To",
        "Auto-Submitted",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
    ]
    assert message["Message-ID"] == "<0123456789abcdef0123456789abcdef@example.org>"
    assert message["MIME-Version"] == "1.0"
    assert message["Date"].datetime is not None
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


def test_what_a_person_wrote_may_be_answered_by_a_machine() -> None:
    assert read(build())["Auto-Submitted"] == "auto-generated"
    assert read(build(by_person=True))["Auto-Submitted"] is None


def test_a_plain_mail_to_the_byte() -> None:
    octets = build()
    date = octets.split(b"Date: ")[1].split(b"\r\n")[0]
    assert octets == (
        b'From: "Commlog" <noreply@example.org>\r\nAuto-Submitted: auto-generated\r\n'
        b"To: a@example.com\r\nSubject: Hello\r\nDate: " + date + b"\r\n"
        b"Message-ID: <0123456789abcdef0123456789abcdef@example.org>\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 7bit\r\n\r\nText\r\n'
    )


def test_the_same_key_gives_the_same_message_id() -> None:
    assert read(build())["Message-ID"] == read(build(subject="another"))["Message-ID"]


@pytest.mark.parametrize(
    "origin",
    ["", "nobody", "A\nBcc: b@x <a@example.org>", "a@example.org, b@example.org", "jörg@example.org",
     "Bank, Inc. <a@example.org>",
     'A "B" C <a@example.org>', "Ops: A <a@example.org>;"],
)  # fmt: skip
def test_a_sender_that_cannot_be_used(origin: str) -> None:
    with pytest.raises(ValueError):
        sender(origin)


@pytest.mark.parametrize(
    ("origin", "name"),
    [("Bank: Ops <a@example.org>", "Bank: Ops"), ("Bank (Ops) <a@example.org>", "Bank (Ops)"),
     ('"Bank, \\"Inc.\\"" <a@example.org>', 'Bank, "Inc."'),
     ("Bank & Co. <a@example.org>", "Bank & Co."), ("<a@example.org>", "")],
)  # fmt: skip
def test_nothing_of_a_sender_s_name_is_lost(origin: str, name: str) -> None:
    assert [(one.display_name, one.addr_spec) for one in read(build(origin=origin))["From"].addresses] == [
        (name, "a@example.org")
    ]


# Surrogates and control characters are refused in a subject; the reader would take them for something else.
_subjects = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\u2028\u2029"), max_size=300
)
_texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=600)
_ascii = st.text(st.characters(max_codepoint=127, blacklist_characters="\r\n\x00"), max_size=1200)


@settings(max_examples=100, deadline=None)
@given(_subjects)
def test_any_subject_survives(subject: str) -> None:
    octets = build(subject=subject)
    assert_fit_for_smtp(octets)
    assert read(octets)["Subject"] == subject


@settings(max_examples=100, deadline=None)
@given(st.one_of(_texts, _ascii, st.lists(_ascii).map("\n".join)), st.one_of(st.just(""), _texts))
def test_any_text_survives(body: str, html: str) -> None:
    octets = build(body=body, html=html)
    message = read(octets)
    assert_fit_for_smtp(octets)
    assert text_of(message, "plain") == (lines(body) if body or not html else None)
    assert text_of(message, "html") == (lines(html) if html else None)


# Django's reader and ours see the same mail, whatever it holds. Names and subjects as people write them: the
# standard library's reader makes one space of several, and decodes what was never encoded (tested above for
# ours alone).
_words = st.text(
    st.characters(categories=["L", "N", "P", "S"], exclude_characters="=?"), min_size=1, max_size=30
)
_lines_of_words = st.lists(_words, max_size=12).map(" ".join)
_addresses = st.sampled_from(
    ["a@example.com", "o'neil+x@sub.example.com", "anna@bücher.example", "x" * 64 + "@example.org"]
)
_names = st.one_of(st.just(""), _words.filter(lambda name: not set(name) & set('"\\\\<>(),;:@.[]')))


@settings(max_examples=150, deadline=None)
@given(_lines_of_words, _texts, st.one_of(st.just(""), _texts), _addresses, _names)
def test_any_mail_reads_as_djangos(subject: str, body: str, html: str, to: str, name: str) -> None:
    origin = f'"{name}" <noreply@example.org>' if name else "noreply@example.org"
    octets = build(subject, body, html, to, origin, origin)
    ours, theirs = read(octets), django(subject, body, html, to, origin, origin)
    assert_fit_for_smtp(octets)
    assert [part.get_content_type() for part in ours.walk()] == [
        part.get_content_type() for part in theirs.walk()
    ]
    assert (text_of(ours, "plain"), text_of(ours, "html")) == (
        text_of(theirs, "plain"),
        text_of(theirs, "html"),
    )
    assert ours["Subject"] == subject
    assert ours["To"].addresses[0].addr_spec == theirs["To"].addresses[0].addr_spec
    assert ours["From"].addresses[0].addr_spec == theirs["From"].addresses[0].addr_spec
    assert "".join(ours["From"].addresses[0].display_name.split()) == "".join(
        theirs["From"].addresses[0].display_name.split()
    )


@settings(max_examples=60, deadline=None)
@given(_subjects.filter(lambda name: name.strip() == name and name != ""))
def test_any_senders_name_survives(name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    octets = build(origin=f'"{quoted}" <noreply@example.org>')
    address = read(octets)["From"].addresses[0]
    assert_fit_for_smtp(octets)
    # The standard library's reader makes one space of several in a name, and one of the fold between encoded
    # words (RFC 2047 6.2: none).
    assert ("".join(address.display_name.split()), address.addr_spec) == (
        "".join(name.split()),
        "noreply@example.org",
    )
