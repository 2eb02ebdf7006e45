"""Links in mails that open something for whoever has them, such as those that choose a new password.

A message's text has `SHOWN` in the link's place, which is what every reader sees. The link is sealed beside
the message (notifications/models/sealed_link.py), put in when it is sent, and deleted then.
"""

from notifications.secrets.urls import without_secret_parts

SHOWN = "[the link is only in the e-mail itself]"


def is_left_out(text: str) -> bool:
    """Whether a link belongs into the text."""
    return SHOWN in text


def put_in(text: str, link: str) -> str:
    """Return the text as it is sent."""
    return text.replace(SHOWN, link)


def hidden(answer: str, link: str) -> str:
    """Return what a server answered without the link: spam filters quote what they refuse."""
    return without_secret_parts(answer.replace(link, SHOWN), link) if link else answer
