"""The Resend button of a failed entry, or what stands in its place."""

from dataclasses import dataclass

from django.template import RequestContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from commlog.message.offers import Offer
from commlog.templatetags.icons import icon
from commlog.templatetags.wording import lately, minute
from notifications.models import Message

_NOTHING = SafeString("")
_AGAIN = SafeString('<input type="hidden" name="again" value="1">')


@dataclass(frozen=True, slots=True)
class Offered:
    """The entry, what may be asked for, and by whom."""

    message: Message
    offer: Offer
    to: str  # the destination as the reader may see it
    here: str  # where to return to without JavaScript
    can_resend: bool


def resend(context: RequestContext, *, slot: str, primary: bool) -> SafeString:
    """The button on the page of a message. Variables: message, offer, to, here, can_resend."""
    offered = Offered(*(context[name] for name in ("message", "offer", "to", "here", "can_resend")))
    return resend_button(offered, token=str(context.get("csrf_token", "")), slot=slot, primary=primary)


def resend_button(offered: Offered, *, token: str, slot: str, primary: bool = False) -> SafeString:
    """The button. `slot`: the id of the element around it. `primary`: it is the page's main button."""
    message, offer = offered.message, offered.offer
    if not offer.failed:
        return _NOTHING
    if offer.under_way:
        said = f"Resent, {offer.under_way.get_state_display().lower()}"
        return _instead(offer.under_way, said, slot)
    before = _NOTHING
    arrived = offer.delivered.arrived_at if offer.once_more and offer.delivered else None
    if arrived and offer.delivered and offer.delivered.pk != message.pk:
        before = _instead(offer.delivered, f"Sent {lately(timezone.localtime(arrived))}", slot)
    if not offered.can_resend:
        return before
    target = reverse("resend", args=[message.key])
    return format_html(
        '{}<form method="post" action="{}" hx-post="{}" hx-target="#{}" hx-swap="innerHTML" '
        'hx-disabled-elt="find button"><input type="hidden" name="csrfmiddlewaretoken" value="{}">'
        '<input type="hidden" name="expected_last" value="{}"><input type="hidden" name="next" value="{}">{}'
        '<button type="submit" data-resend class="{}"{}>{}<span class="unseen"> to {}</span></button></form>',
        before,
        target,
        target,
        slot,
        token,
        offer.last.hex,
        offered.here,
        _AGAIN if offer.once_more else _NOTHING,
        "primary" if primary else "small",
        format_html(' title="It was delivered {}. This sends it again."', minute(timezone.localtime(arrived)))
        if arrived
        else _NOTHING,
        _word(offer, primary=primary),
        offered.to,
    )


def _instead(entry: Message, said: str, slot: str) -> SafeString:
    """A link to the entry that answers."""
    return format_html(
        '<a id="{}-link" data-dialog href="{}">{}</a>',
        slot,
        reverse("message", args=[entry.key]),
        said,
    )


def _word(offer: Offer, *, primary: bool) -> str:
    if offer.once_more and not primary:
        return format_html('{}<span class="unseen">Resend anyway</span>', icon("resend"))
    return "Resend anyway" if offer.once_more else "Resend"
