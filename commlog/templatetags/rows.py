"""The tags that render the rows of a log, and a message's button."""

from collections.abc import Iterable, Iterator
from uuid import UUID

from django import template
from django.template import RequestContext
from django.urls import reverse
from django.utils.safestring import SafeString

from commlog.kit.markup import escaped, format_html, join_html
from commlog.log.table import LogRow
from commlog.templatetags.cells import Drawing, Line, cell_of
from commlog.templatetags.resending import resend
from commlog.templatetags.wording import sees_urls_whole

register = template.Library()
register.simple_tag(takes_context=True)(resend)
_NOTHING = SafeString("")
_NO_KEY = UUID(int=0)
_SWAP = SafeString(' hx-swap-oob="true"')
_NO_BOX = SafeString("<td class=col-select>")


@register.simple_tag(takes_context=True)
def rows(context: RequestContext) -> SafeString:
    """Render the rows of a page. Variables: log, table, can_resend, back."""
    log, can_resend = context["log"], bool(context["can_resend"])
    drawing = Drawing(
        table=context["table"],
        log=log,
        can_resend=can_resend,
        boxes=can_resend,
        back=context["back"],
        whole=sees_urls_whole(context["request"]),
    )
    return join_html("{}", ((drawn,) for drawn in drawn_rows(log.rows, drawing)))


def drawn_rows(found: Iterable[LogRow], drawing: Drawing, *, swap: bool = False) -> Iterator[SafeString]:
    """Yield each row as HTML. `swap`: it replaces the row on the page."""
    cells = [cell_of(column) for column, _ in drawing.table.cells]
    pattern = _pattern([attributes for _, attributes in drawing.table.cells])
    # A page has two hundred rows: what all of their addresses share is made once.
    address = reverse("message", args=[_NO_KEY]) + drawing.back
    for row in found:
        message = row.message
        # What several cells need is escaped once.
        line = Line(
            drawing,
            message,
            row.offer,
            row.held,
            escaped(message.destination if drawing.whole else message.shown_destination),
            escaped(address.replace(_NO_KEY.hex, message.key.hex, 1)),
        )
        yield format_html(
            pattern,
            message.pk,
            row.version,
            _SWAP if swap else _NOTHING,
            _box(line) if drawing.boxes else _NOTHING,
            *(cell(line) for cell in cells),
            _NOTHING if drawing.table.ends else format_html("<td class=col-actions>{}", line.resend),
        )


def _pattern(cells: Iterable[str]) -> str:
    """Return the pattern of a row. `cells`: their attributes, the same in all rows; a cell ends where the
    next begins.
    """
    literally = (each.replace("{", "{{").replace("}", "}}") for each in cells)
    shared = "".join(f"<td {each}{{}}" for each in literally)
    return f'<tr id="row-{{}}" data-row="{{}}"{{}}>{{}}{shared}{{}}</tr>\n'


def _box(line: Line) -> SafeString:
    """Return the cell of its checkbox."""
    if not line.page.can_resend or not line.offer.failed:
        return _NO_BOX
    return format_html(
        '<td class=col-select><input type="checkbox" form="bulk" name="row" value="{}" '
        'id="select-{}" hx-preserve aria-label="Select the {} to {}">',
        line.message.pk,
        line.message.pk,
        line.message.get_type_display(),
        line.to,
    )
