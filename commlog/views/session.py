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

from commlog import sessions
from commlog.forms import SignInForm


class SignIn(LoginView):
    """The sign-in page. Five wrong passwords lock the user name at that address for a quarter of an hour (django-axes)."""

    template_name = "sign_in.html"
    form_class = SignInForm
    redirect_authenticated_user = True

    def get(self, request: HttpRequest, *args: str, **kwargs: Any) -> HttpResponse:
        """A partial request whose session has ended loads the whole page anew, not a sign-in form into a dialog."""
        if getattr(request, "htmx", False):
            return HttpResponseClientRefresh()
        return super().get(request, *args, **kwargs)


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
