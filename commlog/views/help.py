"""Help: states and marks, Resend, and how the search reads its text."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from commlog import permissions
from notifications.states import MessageState


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    permissions.staff(request)
    return render(request, "help.html", {"states": MessageState})
