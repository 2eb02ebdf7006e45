"""The Resend button of a failed entry, or what replaces it."""

from dataclasses import dataclass

from django.template import RequestContext
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from commlog.kit.markup import format_html
from commlog.message.offers import Offer
from commlog.templatetags.icons import icon
from commlog.templatetags.wording import lately, minute
from notifications.models import Message

_NOTHING = SafeString("")


@dataclass(frozen=True, slots=True)
class Offered:
    """The entry, its possible actions, and the user."""

    message: Message
    offer: Offer
    to: str  # the destination as the reader may see it
    can_resend: bool


def resend(context: RequestContext, *, slot: str, primary: bool) -> SafeString:
    """Render the button on a message's page. Variables: message, offer, to, here, can_resend."""
    offered = Offered(*(context[name] for name in ("message", "offer", "to", "can_resend")))
    if not (button := resend_button(offered, slot=slot, primary=primary)):
        return _NOTHING
    return format_html(
        '<form method="post" hx-target="#{}" hx-swap="innerHTML" hx-disabled-elt="closest button">'
        '<input type="hidden" name="csrfmiddlewaretoken" value="{}">'
        '<input type="hidden" name="next" value="{}">{}</form>',
        slot,
        str(context.get("csrf_token", "")),
        context["here"],
        button,
    )


def resend_button(offered: Offered, *, slot: str, form: str = "", primary: bool = False) -> SafeString:
    """Return the button.

    `slot`: the id of the element around it. `form`: the id of its form, unless it is inside. `primary`: it is
    the page's main button.
    """
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
    return format_html(
        '{}<button{} formaction="{}" hx-post name="{}" value="{}" class="{}"{}>{}<i> to {}</i></button>',
        before,
        format_html(' form="{}"', form) if form else _NOTHING,
        reverse("resend", args=[message.key]),
        "again" if offer.once_more else "expected_last",
        offer.last.hex,
        "primary" if primary else "small",
        format_html(' title="It was delivered {}. This sends it again."', minute(timezone.localtime(arrived)))
        if arrived
        else _NOTHING,
        _word(offer, primary=primary),
        offered.to,
    )


def _instead(entry: Message, said: str, slot: str) -> SafeString:
    """Return a link to the entry that prevents the resend."""
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
