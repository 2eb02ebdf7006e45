"""The cells of a log's rows, one function per column.

A page has four hundred or more, so none is a template of its own: that took most of the time of a page.
`format_html` escapes every value. Each byte of a cell is sent fifty or two hundred times: an element has no
class if its place in the cell identifies it (static/css/log-table.css), an `<i>` is for screen readers and
print, and truncated text gets its tooltip by script (static/js/rows.js).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.template.defaultfilters import truncatechars
from django.urls import reverse
from django.utils.safestring import SafeString

from commlog.kit.markup import escaped, format_html
from commlog.log.columns import Column
from commlog.log.table import MessageTable
from commlog.message.offers import Offer
from commlog.templatetags.icons import icon
from commlog.templatetags.resending import Offered, resend_button
from commlog.templatetags.wording import Clock, brief, day, left, receipt, standing, why_failed
from notifications.models import Message
from notifications.states import MessageState, MessageType

Cell = Callable[["Line"], SafeString]
_NOTHING = SafeString("")
# Django goes through the choices anew for each value that it is asked to call by its name.
_STATES = {value: escaped(label) for value, label in MessageState.choices}
_TYPES = {value: escaped(label) for value, label in MessageType.choices}
_NOT_SENT = SafeString("><i>not sent</i>")
_HELD = SafeString(f'<span class="mark" title="On legal hold">{icon("hold")}<i>On hold</i></span>')
_WITHHELD = SafeString('<em class="muted">hidden</em>')
_EMPTY = SafeString(">")
_LINE = 150  # characters of subject and text: no screen shows more in a line


class _Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def key(self) -> UUID: ...


@dataclass(frozen=True, slots=True)
class Drawing:
    """Shared by all rows of a page."""

    table: MessageTable
    log: Clock
    can_resend: bool
    boxes: bool  # whether the page has a column of boxes
    back: str  # the query of a message's address that leads back here
    whole: bool  # whether the reader sees URLs whole

    @property
    def now(self) -> datetime:
        return self.log.now


@dataclass(frozen=True, slots=True)
class Line:
    """A row being rendered."""

    page: Drawing
    message: Message
    offer: Offer
    held: str  # what holds the message back
    to: SafeString  # the destination as the reader may see it
    address: SafeString  # of the message

    @property
    def resend(self) -> SafeString:
        """Return the slot of its Resend button, if it failed."""
        if not self.offer.failed:
            return _NOTHING
        slot = f"resend-{self.message.pk}"
        offered = Offered(self.message, self.offer, self.to, self.page.can_resend)
        return format_html(
            '<div class="act" id="{}">{}</div>', slot, resend_button(offered, slot=slot, form="resend")
        )


def _state(line: Line) -> SafeString:
    """Return the state as a link to the message, and its marks."""
    message, said = line.message, standing(line.message, line.page.now, line.held)
    link = format_html(
        '<a class="state i-{}" href="{}"{}>{}<i> {} to {}</i></a>',
        message.state,
        line.address,
        format_html(' title="{}"', why_failed(message)) if message.state == MessageState.FAILED else _NOTHING,
        _STATES[message.state],
        _TYPES[message.type],
        line.to,
    )
    marks = _again(line.offer) + _hold(message) + _warning(message)
    if marks:
        link = format_html('<span class="marks">{}{}</span>', link, marks)
    if not said:
        return format_html(">{}", link)
    counted = _NOTHING if line.held else left(message, line.page.now)
    return format_html('>{}<span class="under"{}>{}</span>', link, counted, said)


def _again(offer: Offer) -> SafeString:
    if not offer.newer:
        return _NOTHING
    return format_html(
        '<a class="mark" href="{}" title="Resent: {}">{}<i>Already resent: open the new entry</i></a>',
        _of(offer.newer.key),
        offer.newer.get_state_display(),
        icon("again"),
    )


def _hold(message: Message) -> SafeString:
    return _HELD if getattr(message, "on_hold", False) else _NOTHING


def _warning(message: Message) -> SafeString:
    if message.lost_sight_of:
        said, short = "It may have been sent: the database was restored from a backup.", "May have been sent"
    elif message.may_have_been_delivered:
        said = "It may have been delivered: it was handed over, but no confirmation came back."
        short = "May have been delivered"
    elif message.possible_duplicate:
        said = "It may have been delivered twice: an earlier attempt may have arrived, too."
        short = "May have been delivered twice"
    else:
        return _NOTHING
    return format_html(
        '<span class="mark warn" title="{}">{}<i>{}</i></span>',
        said,
        icon("warning"),
        short,
    )


def _sender(line: Line) -> SafeString:
    """Return who sent it, and who resent it."""
    sender, resent_by = line.message.sender, line.message.resent_by
    if not resent_by:
        return _isolated(sender)
    return format_html(
        '><span class="clip"><bdi>{}</bdi> <span class="muted">· resent by <bdi>{}</bdi></span></span>',
        sender,
        resent_by,
    )


def _sent(line: Line) -> SafeString:
    if line.message.sent_at:
        return brief(line.message.sent_at, line.page.log)
    return _NOT_SENT


def _type(line: Line) -> SafeString:
    """Return its icon; its name on hover, for screen readers, in print and on cards."""
    name = _TYPES[line.message.type]
    return format_html('><span class="type i-{}"><i>{}</i></span>', line.message.type, name)


def _message(line: Line) -> SafeString:
    """Return subject and start of the text on one line, and the link to the message.

    At the end of a row also the actions: one takes width only in its own row, and never appears under a
    pointer that rests on the link.
    """
    message = line.message
    subject = format_html("<b><bdi>{}</bdi></b> ", message.subject) if message.subject else _NOTHING
    if message.words_gone_at:
        text = format_html('<em class="muted">Text deleted {}</em>', day(message.words_gone_at))
    elif message.masked:
        text = _WITHHELD
    else:
        text = format_html("<bdi>{}</bdi>", _start(message))
    return format_html(
        '><span>{}{}</span>{}<a class="more" href="{}">more<i> of {} to {}</i></a>',
        subject,
        text,
        line.resend if line.page.table.ends else _NOTHING,
        line.address,
        _TYPES[message.type],
        line.to,
    )


def _start(message: Message) -> str:
    """Return the part of the text shown after the subject."""
    text = " ".join(message.excerpt.split())  # type: ignore[attr-defined]  # of the query
    room = max(_LINE - len(message.subject), _LINE // 4)
    return text if len(text) <= room else f"{text[:room]}…"


def _details(line: Line) -> SafeString:
    """Return the provider's answer."""
    cause = line.message.failure_cause
    if line.message.masked:
        return format_html(">{}", _WITHHELD)
    said = cause if line.page.whole else line.message.shown_detail(cause)
    return _isolated(truncatechars(said, 200))


def _next_attempt(line: Line) -> SafeString:
    due_at = line.message.due_at
    return brief(due_at, line.page.log) if due_at and not line.message.awaits_decision else _EMPTY


def _resend_of(line: Line) -> SafeString:
    """Return the entry that it resends."""
    if line.message.resend_of is None:
        return _EMPTY
    return format_html(
        '><a data-dialog href="{}"><code>{}…</code><i> original entry</i></a>',
        _of(line.message.resend_of.key),
        line.message.resend_of.key.hex[:8],
    )


def _resent_as(line: Line) -> SafeString:
    """Return the newest entry that resends it."""
    if not (newer := line.offer.newer):
        return _EMPTY
    return format_html(
        '><a data-dialog href="{}"><code>{}…</code> {}<i>: new entry</i></a>',
        _of(newer.key),
        newer.key.hex[:8],
        newer.get_state_display(),
    )


def _person(name: str, whom: _Named | None, number: str = "") -> SafeString:
    """Return the recipient, as a link to their page."""
    if whom is None:
        return _EMPTY
    numbered = format_html(' <span class="muted">{}</span>', number) if number else _NOTHING
    return format_html(
        '><a class="clip" href="{}"><bdi>{}</bdi>{}</a>',
        reverse(name, args=[whom.key]),
        whom.name,
        numbered,
    )


def _account(key: UUID | None) -> SafeString:
    """Return the log of an account."""
    if key is None:
        return _EMPTY
    return format_html(
        '><a href="{}"><code>{}</code></a>', reverse("account-communications", args=[key]), key.hex
    )


def _constant(constant: str, words: str) -> SafeString:
    """Return plain words, with their constant on hover."""
    return format_html('><span class="clip" title="{}">{}</span>', constant, words)


def _code(key: UUID | None) -> SafeString:
    return format_html("><code>{}</code>", key.hex) if key else _EMPTY


def _text(said: object) -> SafeString:
    return format_html(">{}", said)


def _isolated(text: object) -> SafeString:
    return format_html("><bdi>{}</bdi>", text)


def _of(key: UUID) -> str:
    return reverse("message", args=[key])


def cell_of(column: Column) -> Cell:
    """Return the function that renders the column's cells, from the end of the tag (with attributes) to
    the content.
    """
    if column.plain:
        return lambda line: _isolated(getattr(line.message, column.reads[0]))
    return _CELLS[column.key]


_CELLS: Mapping[str, Cell] = {
    "state": _state,
    "sender": _sender,
    "created": lambda line: brief(line.message.created_at, line.page.log),
    "sent": _sent,
    "type": _type,
    "destination": lambda line: _isolated(line.to),
    "message": _message,
    "client": lambda line: _person(
        "client", line.message.client, line.message.client.client_id if line.message.client else ""
    ),
    "group": lambda line: _person(
        "group", line.message.group, line.message.group.group_id if line.message.group else ""
    ),
    "user": lambda line: _person("user", line.message.user),
    "loan_account": lambda line: _account(line.message.loan_account_key),
    "deposit_account": lambda line: _account(line.message.deposit_account_key),
    "repayment": lambda line: _code(line.message.repayment_key),
    "reference": lambda line: _isolated(line.message.reference),
    # As it was called then.
    "template": lambda line: _isolated(line.message.template_name),
    "attempts": lambda line: _text(line.message.attempt_count),
    "failure_reason": lambda line: _constant(
        line.message.failure_reason, line.message.get_failure_reason_display()
    ),
    "failure_meaning": lambda line: _isolated(line.message.get_failure_meaning_display()),
    "failure_level": lambda line: _text(line.message.get_failure_level_display()),
    "failure_details": _details,
    "waiting_reason": lambda line: _constant(
        line.message.waiting_reason, line.message.get_waiting_reason_display()
    ),
    "next_attempt": _next_attempt,
    "resend_of": _resend_of,
    "resent_as": _resent_as,
    "outcome": lambda line: _text(line.message.get_outcome_display()),
    "possible_duplicate": lambda line: _text("Possible duplicate" if line.message.possible_duplicate else ""),
    "receipt": lambda line: _text(receipt(line.message)),
    "hold": lambda line: _text("On hold" if line.message.on_hold else ""),  # type: ignore[attr-defined]
    "key": lambda line: _code(line.message.key),
}
