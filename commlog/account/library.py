"""What allauth, the library of sign-in, asks us. Pages, words, limits and mails are Commlog's own."""

from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse

from commlog.account import devices
from commlog.models import User
from notifications.secrets import sealed

SECONDS = (3, 5)  # for which a provider is waited for: to connect, to answer


class AccountAdapter(DefaultAccountAdapter):
    """Nobody signs up; the only step between password and page is the second factor."""

    def get_login_stages(self) -> list[str]:
        """The steps behind the password, in order."""
        return ["commlog.account.second_step.SecondStep"]

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Administrators make users."""
        return False

    def is_reauthentication_required(self, *, app: str, **_: Any) -> bool:
        """The pages ask by themselves: commlog.account.confirming."""
        return False

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **how: Any) -> HttpResponse:
        """The way on, for a browser that is known from now on."""
        response: HttpResponse = super().post_login(request, user, **how)
        if isinstance(user, User):
            devices.note(request, response, user)
        return response

    def add_message(self, *_: Any, **__: Any) -> None:
        """Say nothing: the pages say what happened."""

    def send_notification_mail(self, *_: Any, **__: Any) -> None:
        """Send nothing: commlog.account.factors tells of it."""


class CompanyAdapter(DefaultSocialAccountAdapter):
    """Nobody signs up, and no e-mail address is looked for: commlog.company knows people."""

    def get_requests_session(self) -> requests.Session:
        """How the provider is asked: within seconds, and nobody else whom it points to."""
        session = requests.Session()
        asked = partial(session.request, timeout=SECONDS, allow_redirects=False)
        session.request = asked  # type: ignore[method-assign]
        session.get = partial(asked, "GET")  # type: ignore[method-assign]
        return session


class FactorAdapter(DefaultMFAAdapter):
    """Secrets are sealed like all others in the database."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "This code is wrong or was used before. Wait for the next one."
    }

    def encrypt(self, text: str) -> str:
        """The text as it is stored."""
        return sealed.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """The stored text."""
        return sealed.opened(encrypted_text)

    def get_totp_label(self, user: AbstractBaseUser) -> str:
        """What the person's app calls the account."""
        return user.get_username()

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Whose passkeys these are: the host of PUBLIC_URL; in development also whatever leads here."""
        if settings.DEBUG:
            return super().get_public_key_credential_rp_entity() | {"name": "Commlog"}
        return {"id": urlsplit(settings.PUBLIC_URL).hostname or "", "name": "Commlog"}

    def get_public_key_credential_user_entity(self, user: AbstractBaseUser) -> dict[str, Any]:
        """What the person's device calls the account."""
        return super().get_public_key_credential_user_entity(user) | {
            "name": user.get_username(),
            "display_name": getattr(user, "name", ""),
        }
