"""Adapters for allauth, the sign-in library. Pages, texts, limits and mails are Commlog's own."""

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
    """No sign-up; the second factor is the only step after the password."""

    def get_login_stages(self) -> list[str]:
        """Return the steps after the password, in order."""
        return ["commlog.account.second_step.SecondStep"]

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: administrators create users."""
        return False

    def is_reauthentication_required(self, *, app: str, **_: Any) -> bool:
        """Return False: our pages ask themselves, see commlog.account.recent_proof."""
        return False

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **how: Any) -> HttpResponse:
        """Return the redirect after sign-in, and remember the browser."""
        response: HttpResponse = super().post_login(request, user, **how)
        if isinstance(user, User):
            devices.note(request, response, user)
        return response

    def add_message(self, *_: Any, **__: Any) -> None:
        """Do nothing: the pages report what happened."""

    def send_notification_mail(self, *_: Any, **__: Any) -> None:
        """Do nothing: commlog.account.factors notifies."""


class CompanyAdapter(DefaultSocialAccountAdapter):
    """No sign-up and no matching by e-mail address: commlog.company identifies users."""

    def get_requests_session(self) -> requests.Session:
        """Return the session for requests to the provider: bounded in time, no redirects to other hosts."""
        session = requests.Session()
        asked = partial(session.request, timeout=SECONDS, allow_redirects=False)
        session.request = asked  # type: ignore[method-assign]
        session.get = partial(asked, "GET")  # type: ignore[method-assign]
        return session


class FactorAdapter(DefaultMFAAdapter):
    """Seals secrets like all others in the database."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "This code is wrong or was used before. Wait for the next one."
    }

    def encrypt(self, text: str) -> str:
        """Return the text sealed for storage."""
        return sealed.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Return the stored text opened."""
        return sealed.opened(encrypted_text)

    def get_totp_label(self, user: AbstractBaseUser) -> str:
        """Return the account's name in the authenticator app."""
        return user.get_username()

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return the relying party of passkeys: the host of PUBLIC_URL; in development any host that is
        used.
        """
        if settings.DEBUG:
            return super().get_public_key_credential_rp_entity() | {"name": "Commlog"}
        return {"id": urlsplit(settings.PUBLIC_URL).hostname or "", "name": "Commlog"}

    def get_public_key_credential_user_entity(self, user: AbstractBaseUser) -> dict[str, Any]:
        """Return the account's name on the user's device."""
        return super().get_public_key_credential_user_entity(user) | {
            "name": user.get_username(),
            "display_name": getattr(user, "name", ""),
        }
