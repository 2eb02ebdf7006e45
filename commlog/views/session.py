"""Sign-in and sign-out."""

import time
from collections import deque
from functools import lru_cache
from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRefresh

from commlog.account import passwords, sessions
from commlog.account.forms import SignInForm
from commlog.kit import return_address
from commlog.kit.fields import LONGEST_USER_NAME
from notifications.process import this_process

# Forms drawn anew by this process in so many seconds: a form costs four times as much as the plain page.
_MOST_FORMS, _LATELY = 20, 10
_busy_lately: deque[float] = this_process.keep(deque(maxlen=_MOST_FORMS))


class SignIn(LoginView):
    """The sign-in page. Its limits are in commlog.account.passwords."""

    template_name = "account/sign_in.html"
    form_class = SignInForm
    redirect_authenticated_user = True

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        """Return where `next` leads, without its query if it is too long."""
        asked = str(self.request.POST.get("next", self.request.GET.get("next", "")))
        found = asked if len(asked) <= return_address.LONGEST_WAY else asked.partition("?")[0]
        return found if return_address.is_ours(found, self.request) else ""

    def get(self, request: HttpRequest, *args: str, **kwargs: Any) -> HttpResponse:
        """Reload the whole page on a partial request of an ended session, instead of a form in a dialog."""
        if getattr(request, "htmx", False):
            return HttpResponseClientRefresh()
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return what the page offers besides the form."""
        company = settings.COMPANY_SIGN_IN_ISSUER and settings.COMPANY_SIGN_IN_NAME
        way = urlencode({"next": self.get_redirect_url()})
        offered = {"company": company, "way": way, "local": settings.LOCAL_PASSWORDS}
        left = bool(company) and "left" in self.request.GET
        return super().get_context_data(**kwargs) | offered | {"left": left}

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Continue with the second step, or to the requested page: the password is right."""
        self.request.session.pop(sessions.COMPANY, None)
        login = Login(user=form.get_user(), redirect_url=self.get_success_url())
        response: HttpResponse = perform_password_login(self.request, {}, login)
        return response

    def post(self, request: HttpRequest, *args: str, **kwargs: Any) -> HttpResponse:
        """Sign in. 429 at once, with the time to wait, if the password may not be checked."""
        typed = request.POST.get("username", "")
        try:
            passwords.refuse_known_lock(request, typed)
            return super().post(request, *args, **kwargs)
        except passwords.Locked as refused:
            wait, page = (
                refused.wait,
                HttpResponse(_refusal("Sign-in is temporarily locked", refused.said), status=429),
            )
        except passwords.Busy as refused:
            wait, page = refused.wait, self._busy(refused.said, typed)
        page["Retry-After"] = str(wait)
        return page

    def _busy(self, said: str, typed: str) -> HttpResponse:
        """Return the form with the name in it or, if it was rendered often just now, the plain page."""
        now = time.monotonic()
        if len(_busy_lately) == _MOST_FORMS and now - _busy_lately[0] < _LATELY:
            return HttpResponse(_refusal("Sign-in is busy", said), status=429)
        _busy_lately.append(now)
        form = self.form_class(self.request, initial={"username": typed[:LONGEST_USER_NAME]})
        return self.render_to_response(self.get_context_data(form=form, refused=said), status=429)


@lru_cache(maxsize=32)
def _refusal(title: str, said: str) -> str:
    """Return the plain page, cached: a guesser requests it hundreds of times a second at others' cost."""
    return render_to_string("account/sign_in_refused.html", {"title": title, "refused": said})


def left(request: HttpRequest) -> JsonResponse:
    """Return the seconds until the session expires, and until it expires at the latest."""
    lapses, longest = sessions.left(request.session)
    return JsonResponse({"left": lapses, "longest": longest})


@login_not_required  # where the session has lapsed, they are signed out already
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    by_company = sessions.COMPANY in request.session
    logout(request)
    messages.success(request, "You are signed out.")
    return redirect(reverse("sign-in") + ("?left=1" if by_company else ""))
