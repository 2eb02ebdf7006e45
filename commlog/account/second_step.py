"""The second step of a sign-in: a code or a passkey, if the user has set one up."""

from allauth.mfa.stages import AuthenticateStage
from django.http import HttpResponseBase
from django.shortcuts import redirect


class SecondStep(AuthenticateStage):
    """Redirects to the page of the second step. The library keeps the unfinished sign-in in the session."""

    urlname = "sign-in-code"

    def handle(self) -> tuple[HttpResponseBase | None, bool]:
        """Return the redirect, or nothing if the user has no factor."""
        return (redirect(self.urlname) if self._should_handle(self.request) else None), True
