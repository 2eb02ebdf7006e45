"""A user's sessions: create, extend, list and end."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from commlog import audit
from commlog.audit import AuditAction
from commlog.models import User, UserSession

_Store: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
COMPANY = "company"  # in a session that began with an account of the company: what the provider calls it
_BEGAN = "began"  # in the session: when its user signed in, in seconds since 1970


def begin(user: User, session: SessionBase, *, address: str | None, browser: str) -> None:
    """Record a sign-in, and delete expired sessions: nothing else clears Django's session table."""
    session.pop(_BEGAN, None)
    keep(session)
    _Store().clear_expired()
    with transaction.atomic():
        UserSession.objects.filter(user=user).exclude(pk__in=live(user).values("pk")).delete()
        if session.session_key:
            now = {"user": user, "started_at": timezone.now(), "address": address, "browser": browser}
            now["company_session"] = session.get(COMPANY)
            UserSession.objects.update_or_create(session_key=session.session_key, defaults=now)


def keep(session: SessionBase) -> None:
    """Extend the session by SESSION_COOKIE_AGE, up to SESSION_LONGEST in all (DECISIONS.md 59).

    Written at most once a minute (a thirtieth of that age), so it may end that much sooner.
    """
    now, age = timezone.now(), timedelta(seconds=settings.SESSION_COOKIE_AGE)
    new = _BEGAN not in session
    if new:
        session[_BEGAN] = now.timestamp()
    lapses = min(now + age, _ends(session))
    if new or session.get_expiry_date() < lapses - age / 30:
        session.set_expiry(lapses)


def left(session: SessionBase) -> tuple[int, int]:
    """Return the seconds until it expires, and until it expires at the latest however active its user is."""
    longest = _ends(session) - timezone.now()
    return max(0, session.get_expiry_age()), max(0, int(longest.total_seconds()))


def _ends(session: SessionBase) -> datetime:
    # One from before this rule gets it when its user is there.
    began = session.get(_BEGAN, timezone.now().timestamp())
    return datetime.fromtimestamp(began, UTC) + timedelta(seconds=settings.SESSION_LONGEST)


def live(user: User) -> QuerySet[UserSession]:
    """Return the user's sessions that have not expired, latest first."""
    stored = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=timezone.now())
    return UserSession.objects.filter(Exists(stored), user=user)


def forget(session_key: str | None) -> None:
    """Delete the record of a session that its own user ends."""
    UserSession.objects.filter(session_key=session_key).delete()


def renamed(old_key: str | None, new_key: str | None) -> None:
    """Record the new key of a session: Django changes it after a change of password."""
    if old_key != new_key:
        UserSession.objects.filter(session_key=old_key).update(session_key=new_key)


def end(user: User, *, by: audit.Actor, only: int | None = None, but: str | None = None) -> int:
    """End the user's sessions: all, one, or all but the one with key `but`. Return how many."""
    with transaction.atomic():
        chosen = live(user) if only is None else live(user).filter(pk=only)
        ended = list(chosen.exclude(session_key=but)) if but else list(chosen)
        for session in ended:
            _Store(session.session_key).delete()
        UserSession.objects.filter(pk__in=[session.pk for session in ended]).delete()
        if ended:
            audit.record(
                by,
                AuditAction.SESSION_ENDED,
                user,
                after={"sessions": [_described(session) for session in ended]},
            )
    return len(ended)


def _described(session: UserSession) -> dict[str, Any]:
    return {"signed in": session.started_at, "address": session.address, "browser": session.browser}
