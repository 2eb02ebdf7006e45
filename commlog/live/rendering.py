"""Redrawn rows, each shared for a moment: in an outage a hundred open pages show the same fifty rows.

A row is shared only by readers for whom it looks the same: same version, columns, permissions and log. It
contains nothing of one reader: the form of its button is elsewhere on the page.
"""

import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from commlog import permissions
from commlog.log.columns import DEFAULT_SORTING
from commlog.log.layouts import Layout
from commlog.log.table import LogRow, MessageTable
from commlog.log.writing import back_to
from commlog.templatetags.cells import Drawing
from commlog.templatetags.rows import drawn_rows
from commlog.templatetags.wording import sees_urls_whole, standing
from notifications.process import this_process

_SHARED = 3.0  # seconds: longer than it takes until each page has asked
_MOST = 2_000  # about a kilobyte each

_drawn: dict[Hashable, tuple[SafeString, float]] = this_process.keep({})


@dataclass(frozen=True, slots=True)
class Drawn:
    """What cells need of a log."""

    now: datetime
    days_only: bool


def draw(
    request: HttpRequest, rows: Sequence[LogRow], layout: Layout, *, now: datetime, boxes: bool, here: str
) -> str:
    """Return rows that replace themselves by htmx. `boxes`: with checkboxes. `here`: the log's URL."""
    can_resend, whole = permissions.may_resend(request.user), sees_urls_whole(request)
    alike = (
        *layout.keys,
        layout.timestamps,
        boxes,
        can_resend,
        whole,
        here,
    )
    # What is said under a state goes by the clock.
    keys: list[Hashable] = [
        (row.message.pk, row.message.masked, row.version, standing(row.message, now, row.held), alike)
        for row in rows
    ]
    since = time.monotonic() - _SHARED
    found = {key: drawn for key in keys if (drawn := _drawn.get(key)) and drawn[1] > since}
    if missing := [(key, row) for key, row in zip(keys, rows, strict=True) if key not in found]:
        table = MessageTable.over(
            [row for _, row in missing], layout.columns, DEFAULT_SORTING, lambda _alias: ""
        )
        drawing = Drawing(
            table=table,
            log=Drawn(now, not layout.timestamps),
            can_resend=can_resend,
            boxes=boxes,
            back=back_to(here),
            whole=whole,
        )
        texts = drawn_rows((row for _, row in missing), drawing, swap=True)
        found |= {
            key: (format_html("<template>{}</template>", text), time.monotonic())
            for (key, _), text in zip(missing, texts, strict=True)
        }
        _share(found)
    return "".join(found[key][0] for key in keys)


def _share(found: Mapping[Hashable, tuple[SafeString, float]]) -> None:
    if len(_drawn) + len(found) > _MOST:
        _drawn.clear()
    _drawn.update(found)
