"""Password links in e-mails: invitations of new users, and resets.

They use Django's tokens, so nothing is stored. A link ends with its first use (the token covers the
password), with a sign-in, a change of the address, and in time; a mail that has not left by then is not sent.
A request reveals nothing about whether an account exists: for unknown names the same work is done and rolled
back.
"""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import transaction
from django.db.models.signals import post_save
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import base36_to_int, urlencode

from commlog import audit
from commlog.account import notices, passwords
from commlog.audit import AuditAction
from commlog.models import AuditEntry, User
from notifications.channels.email import EmailChannel
from notifications.lanes import switches
from notifications.models import Message, SealedValues
from notifications.secrets import hidden
from notifications.secrets.sealed import Unreadable

RESET = timedelta(minutes=30)
INVITATION = timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
MOST_RESETS = 3  # an hour, of one user


class _Tokens(PasswordResetTokenGenerator):
    """Django's token generator, with the lifetime of an invitation; a reset's is shorter."""

    key_salt = "commlog.account.links"

    def check_token(self, user: User | None, token: str | None) -> bool:
        """Return whether it is this user's, unused, and not expired."""
        if user is None or not super().check_token(user, token):
            return False
        age = self._num_seconds(self._now()) - base36_to_int(str(token).partition("-")[0])
        return age <= valid_for(user).total_seconds()


_tokens = _Tokens()


def are_sent() -> bool:
    """Return whether e-mail is set up and enabled, and sign-in by password is allowed."""
    set_up = bool(settings.EMAIL_HOST) and settings.LOCAL_PASSWORDS
    return set_up and not switches.is_off(EmailChannel.type)


def reach(user: User) -> bool:
    """Return whether a link can be mailed to the user, so that nobody else has to know their password."""
    return are_sent() and bool(user.email)


def is_invited(user: User) -> bool:
    """Return whether the user has yet to choose a first password."""
    return not user.has_usable_password()


def valid_for(user: User) -> timedelta:
    """Return how long a link of this user is valid."""
    return INVITATION if is_invited(user) else RESET


def listen() -> None:
    """Connect to the signals that invalidate links, so that mails with them are not sent any more."""
    post_save.connect(_forget_ended, sender=User, dispatch_uid="links")


def ask(request: HttpRequest, username: str) -> None:
    """Mail a link to the user of that name, if there is one who may have it. Raises passwords.Locked.

    The same statements run for every name.
    """
    with transaction.atomic():
        passwords.refuse_flood(request, "links")
        with transaction.atomic():
            found = User.objects.select_for_update().filter(username=username, is_active=True).first()
            may = found is not None and bool(found.email) and not is_invited(found)
            person = found if found is not None and may else _nobody()
            since = timezone.now() - timedelta(hours=1)
            asked = AuditEntry.objects.filter(
                target_kind="user",
                target_key=person.key.hex,
                action=AuditAction.PASSWORD_FORGOTTEN,
                at__gt=since,
            )
            fits = asked.count() < MOST_RESETS
            audit.record(None, AuditAction.PASSWORD_FORGOTTEN, person)
            _mail_reset(person)
            if not (may and fits):
                transaction.set_rollback(True)


def send(user: User, *, by: audit.Actor) -> Message | None:
    """Mail an invitation, or a reset link to a user who has a password. None if it cannot be sent."""
    with transaction.atomic():
        if is_invited(user):
            audit.record(by, AuditAction.INVITED, user)
            sent = _mail_invitation(user, by)
        else:
            audit.record(by, AuditAction.LINK_SENT, user)
            sent = _mail_reset(user)
    return sent if sent and not sent.is_final else None  # final at once: it failed


def owner(key: UUID | None, token: str, *, lock: bool = False) -> User | None:
    """Return the active user of a valid link; None if it was used, has expired or never existed."""
    people = User.objects.select_for_update() if lock else User.objects.all()
    user = people.filter(key=key, is_active=True).first() if key else None
    return user if user and _tokens.check_token(user, token) else None


def _nobody() -> User:
    """Return a placeholder user to mail to if there is none of that name; rolled back afterwards."""
    return User(username="nobody", email="nobody@localhost.localdomain", password="!")  # noqa: S106 - none


def _forget_ended(instance: User, created: bool, **_: Any) -> None:
    unsent = SealedValues.objects.filter(message__user=instance, expires_at__isnull=False)
    for each in () if created else unsent:
        if not _tokens.check_token(instance, _token_in(each)):
            each.delete()


def _token_in(sealed: SealedValues) -> str:
    try:
        (link,) = hidden.read(sealed.values)["body"]
    except Unreadable:
        return ""
    return parse_qs(urlsplit(link).query)["token"][0]


def _mail(user: User, subject: str, text: str) -> Message | None:
    query = urlencode({"user": user.key.hex, "token": _tokens.make_token(user)})
    link = f"{settings.PUBLIC_URL}{reverse('choose-password')}?{query}"
    return notices.send(user, subject, text, link=link, until=timezone.now() + valid_for(user))


def _mail_reset(user: User) -> Message | None:
    text = (
        f"A new password was asked for, for your account {user.username} on {settings.PUBLIC_URL}. Until you "
        f"choose another, your password stays as it is. To choose one, open this link within "
        f"{RESET.seconds // 60} minutes. It works once."
    )
    return _mail(user, "Choose a new password", text)


def _mail_invitation(user: User, by: audit.Actor) -> Message | None:
    text = (
        f"{getattr(by, 'name', '') or 'Commlog'} created an account for you on {settings.PUBLIC_URL}. Your "
        f"user name is {user.username}. To choose your password, open this link within {INVITATION.days} "
        f"days. It works once."
    )
    return _mail(user, "Your account on Commlog", text)
