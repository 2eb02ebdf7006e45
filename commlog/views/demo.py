"""Pages of the demo only: outages of its stand-ins."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from commlog import permissions
from commlog.demo import outages
from commlog.demo.outages import Outage


@require_POST
@permissions.can_resend
def outage(request: HttpRequest) -> HttpResponse:
    """Start an outage of all providers, or end it."""
    place, kind = outages.place(), request.POST.get("kind", "")
    if place is None or kind not in Outage.values:
        raise Http404("This is no demo.")
    outages.play(place, Outage(kind))
    messages.info(request, f"All providers of the demo: {Outage(kind).label}.")
    return redirect("home")
