"""The redirect to the provider and back: code flow with PKCE by the library, the result verified here."""

import time
from collections.abc import Mapping
from typing import Any

from allauth.socialaccount.internal import statekit
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.utils.http import urlencode
from requests import RequestException

from commlog.company import discovery, tokens
from commlog.company.discovery import Unreachable
from commlog.company.tokens import WrongTime

_FRESH = 300  # seconds since the provider has asked for the password, where it was told to


class Refused(Exception):
    """The returned sign-in is refused. `said` is for the person, `why` for the audit trail."""

    def __init__(self, said: str, why: str) -> None:
        super().__init__(why)
        self.said, self.why = said, why


class _Provider(OpenIDConnectProvider):
    def get_oauth2_adapter(self, request: HttpRequest) -> "_Adapter":
        return _Adapter(request)


class _Adapter(OpenIDConnectOAuth2Adapter):
    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request, settings.COMPANY_SIGN_IN_ISSUER)

    def get_provider(self) -> _Provider:
        return _Provider(self.request, app=_app())

    @property
    def openid_config(self) -> Mapping[str, Any]:
        return discovery.configuration()

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return f"{settings.PUBLIC_URL}{reverse('company-callback')}"


def _app() -> SocialApp:
    """Return this installation as a client of the provider, from the settings, never from the database."""
    return SocialApp(
        provider=OpenIDConnectProvider.id,
        provider_id=settings.COMPANY_SIGN_IN_ISSUER,
        name=settings.COMPANY_SIGN_IN_NAME,
        client_id=settings.COMPANY_SIGN_IN_CLIENT,
        secret=settings.COMPANY_SIGN_IN_SECRET,
        settings={"oauth_pkce_enabled": True},
    )


def leave(request: HttpRequest, *, to: str, purpose: str, again: bool = False) -> HttpResponse:
    """Redirect to the provider; the state is kept in the session for ten minutes.

    `again`: the provider must ask for the password again. Raises Unreachable.
    """
    nonce = get_random_string(43)
    asked = {"nonce": nonce} | ({"prompt": "login", "max_age": "0"} if again else {})
    discovery.address("authorization_endpoint")
    response: HttpResponse = _Provider(request, app=_app()).redirect(
        request,
        "login",
        next_url=to,
        scope=settings.COMPANY_SIGN_IN_SCOPES,
        auth_params=asked,
        nonce=nonce,
        purpose=purpose,
        again=again,
    )
    return response


def come_back(request: HttpRequest) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the claims about the person, and the stored state. Raises Refused and Unreachable."""
    issuer = settings.COMPANY_SIGN_IN_ISSUER
    state = statekit.unstash_state(request, provider_id=issuer, state_id=request.GET.get("state", ""))
    if state is None:
        raise Refused(
            "This sign-in was started somewhere else, or too long ago. Start again.",
            "no such sign-in was begun",
        )
    if request.GET.get("iss", issuer) != issuer:
        raise Refused("The answer came from another provider.", "wrong issuer of the answer")
    if "error" in request.GET or not request.GET.get("code"):
        given_up = request.GET.get("error") == "access_denied"
        raise Refused(
            "The sign-in was cancelled." if given_up else "The provider did not sign you in.",
            "the provider answered with an error",
        )
    try:
        return _claims(request, state), state
    except WrongTime as wrong:
        raise Refused(
            "The clocks of Commlog and of the provider differ too much. Tell your administrator.", str(wrong)
        ) from wrong
    except tokens.Wrong as wrong:
        raise Refused("The provider’s answer cannot be trusted.", str(wrong)) from wrong


def _claims(request: HttpRequest, state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the claims of the ID token, completed from the userinfo endpoint."""
    adapter = _Adapter(request)
    try:
        given = adapter.get_access_token_data(
            request,
            _app(),
            adapter.get_client(request, _app()),
            pkce_code_verifier=state["pkce_code_verifier"],
        )
    except OAuth2Error as error:  # its text may hold what was sent
        raise Refused("The provider did not accept its own answer. Start again.", "code refused") from error
    except (RequestException, ValueError, KeyError) as error:
        raise Unreachable(f"the provider gave no token: {type(error).__name__}") from error
    claims = tokens.of_sign_in(given.get("id_token"), nonce=state["nonce"])
    asked_at = claims.get("auth_time")
    if state["again"] and not (isinstance(asked_at, int) and asked_at > time.time() - _FRESH):
        raise Refused("The provider did not ask you again.", "no new sign-in at the provider")
    return _more(adapter, given, claims)


def _more(adapter: _Adapter, given: Mapping[str, Any], claims: Mapping[str, Any]) -> Mapping[str, Any]:
    if "userinfo_endpoint" not in discovery.configuration():
        return claims
    try:
        told = adapter._fetch_user_info(given["access_token"])
    except (RequestException, ValueError) as error:
        raise Unreachable(f"the provider told nothing of the person: {type(error).__name__}") from error
    if not isinstance(told, dict) or told.get("sub") != claims["sub"]:
        raise tokens.Wrong("the provider told of somebody else")
    return told | dict(claims)


def way_out() -> str:
    """Return the URL that signs out of the company account too. Raises Unreachable."""
    back = f"{settings.PUBLIC_URL}{reverse('sign-in')}"
    query = urlencode({"client_id": settings.COMPANY_SIGN_IN_CLIENT, "post_logout_redirect_uri": back})
    end = discovery.address("end_session_endpoint")
    return f"{end}{'&' if '?' in end else '?'}{query}"
