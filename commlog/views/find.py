"""The find box of every page: its list as the user types, and its page without JavaScript."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from commlog import permissions
from commlog.access import recording
from commlog.find.everything import find, whole_log
from commlog.find.form import FindForm
from commlog.find.hits import Found, Hit
from commlog.kit import own_writes
from commlog.navigation import Frame


@require_safe
@vary_on_headers("HX-Request")
def index(request: HttpRequest) -> HttpResponse:
    """Return the matches: the box's list for htmx, else a page.

    A single match is opened instead of the page.
    """
    form, user = FindForm(request.GET), permissions.staff(request)
    text = form.cleaned_data["q"].strip() if form.is_valid() else ""
    pages = [Hit(label, url) for label, url in Frame(request).pages]
    found = own_writes.read(request, lambda: find(user, text, pages)) if text else Found("")
    shown = {"found": found, "form": form, "log_url": whole_log(user, text) if text else ""}
    if found.only and not request.htmx:  # type: ignore[attr-defined]
        return redirect(found.only.url)
    hits = (hit for section in found.sections for hit in section.hits)
    recording.found(request, text, [hit.message for hit in hits if hit.message])
    part = "found" if request.htmx else "page"  # type: ignore[attr-defined]
    return render(request, f"find/{part}.html", shown)
