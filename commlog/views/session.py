"""Signing in and out."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRefresh

from commlog import passwords, sessions, ways
from commlog.forms import LONGEST_USER_NAME, SignInForm


class SignIn(LoginView):
    """The sign-in page. What is refused, and when, is said in commlog.passwords."""

    template_name = "sign_in.html"
    form_class = SignInForm
    redirect_authenticated_user = True

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        """Return where `next` leads. Without its query where it is too long to be led to: a message's page without its way back."""
        asked = str(self.request.POST.get("next", self.request.GET.get("next", "")))
        found = asked if len(asked) <= ways.LONGEST_WAY else asked.partition("?")[0]
        return found if ways.is_ours(found, self.request) else ""

    def get(self, request: HttpRequest, *args: str, **kwargs: Any) -> HttpResponse:
        """A partial request whose session has ended loads the whole page anew, not a sign-in form into a dialog."""
        if getattr(request, "htmx", False):
            return HttpResponseClientRefresh()
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: str, **kwargs: Any) -> HttpResponse:
        """Sign in. 429 at once, with words and the time to wait, where the password must not be looked at now."""
        try:
            return super().post(request, *args, **kwargs)
        except passwords.Refused as refused:
            if isinstance(refused, passwords.Locked):
                self.template_name = "sign_in_locked.html"
            form = self.form_class(request, initial={"username": request.POST.get("username", "")[:LONGEST_USER_NAME]})
            context = self.get_context_data(form=form, refused=refused.said)
            return self.render_to_response(context, status=429, headers={"Retry-After": str(refused.wait)})


def left(request: HttpRequest) -> JsonResponse:
    """In how many seconds the session lapses, and in how many at the latest."""
    lapses, longest = sessions.left(request.session)
    return JsonResponse({"left": lapses, "longest": longest})


@login_not_required  # where the session has lapsed, they are signed out already
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    messages.success(request, "You are signed out.")
    return redirect("sign-in")
