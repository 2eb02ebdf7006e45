"""The second step of a sign-in: a code or a passkey, for whoever has set one up."""

from allauth.mfa.stages import AuthenticateStage
from django.http import HttpResponseBase
from django.shortcuts import redirect


class SecondStep(AuthenticateStage):
    """Leads to the page of the second step. The library keeps the half-done sign-in in the session."""

    urlname = "sign-in-code"

    def handle(self) -> tuple[HttpResponseBase | None, bool]:
        """The way there, or nothing for who has no factor."""
        return (redirect(self.urlname) if self._should_handle(self.request) else None), True
