"""URLs of clients, groups and users, of writing to them, and of message content."""

from django.urls import URLPattern, path, register_converter

from commlog.views import compose, contacts, content, correction, readers, recipients, subscriptions
from notifications import channels
from notifications.states import MessageType


class ManualChannel:
    """A channel that people can write for, as in URLs: email, sms."""

    regex = "|".join(channel.lower() for channel in channels.FOR_PEOPLE)

    def to_python(self, value: str) -> MessageType:
        return MessageType(value.upper())

    def to_url(self, value: MessageType) -> str:
        return value.value.lower()


register_converter(ManualChannel, "channel")


def _pages(kind: str) -> list[URLPattern]:
    """Return every kind's pages: `client` has clients, client, client-communications, client-send."""
    here, one = {"kind": kind}, f"{kind}s/<hex32:key>/"
    return [
        path(f"{kind}s/", recipients.index, here, name=f"{kind}s"),
        path(one, recipients.overview, here, name=kind),
        path(f"{one}communications/", recipients.communications, here, name=f"{kind}-communications"),
        path(f"{one}readers/", readers.of_recipient, here, name=f"{kind}-readers"),
        path(f"{one}send/<channel:channel>/", compose.send, here, name=f"{kind}-send"),
    ]


def _forms(kind: str) -> list[URLPattern]:
    """Return the other pages of clients and groups; users are created in the administration."""
    here = {"kind": kind}
    return [
        path(f"{kind}s/new/", contacts.create, here, name=f"{kind}-new"),
        path(f"{kind}s/<hex32:key>/edit/", contacts.edit, here, name=f"{kind}-edit"),
        path(f"{kind}s/<hex32:key>/subscriptions/", subscriptions.index, here, name=f"{kind}-subscriptions"),
        path(
            f"{kind}s/<hex32:key>/subscriptions/<hex32:template>/",
            subscriptions.choose,
            here,
            name=f"{kind}-subscribe",
        ),
    ]


urlpatterns = [
    *_forms("client"),
    *_pages("client"),
    path("clients/<hex32:key>/decision/", contacts.decide, {"kind": "client"}, name="client-decision"),
    *_forms("group"),
    *_pages("group"),
    path("groups/<hex32:key>/members/", contacts.add_member, {"kind": "group"}, name="group-member-add"),
    path(
        "groups/<hex32:key>/members/<hex32:member>/remove/",
        contacts.remove_member,
        {"kind": "group"},
        name="group-member-remove",
    ),
    *_pages("user"),
    path("communications/<hex32:key>/send-anew/", compose.send_anew, name="send-anew"),
    path("communications/<hex32:key>/correct/", correction.correct, name="correct"),
    path("communications/<hex32:key>/correct/others/", correction.others, name="correct-others"),
    path("communications/<hex32:key>/readers/", readers.of_message, name="message-readers"),
    path("communications/<hex32:key>/reveal/", content.reveal, name="message-reveal"),
    path("communications/<hex32:key>/preview/", content.html_preview, name="preview"),
    path(
        "communications/<hex32:key>/download/text/", content.download, {"part": "text"}, name="download-text"
    ),
    path(
        "communications/<hex32:key>/download/html/", content.download, {"part": "html"}, name="download-html"
    ),
]
