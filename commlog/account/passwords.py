"""Password checks, bounded in cost and in guesses. Every password is checked here.

A user name or client address with too many wrong passwords is refused before hashing, and so is a request
that finds no free slot (slots.py). Only wrong ones are counted: an office that signs in correctly is never
locked. Unknown names are counted and hashed like others, so that neither response nor timing reveals them.
"""

import math
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from commlog import audit, counts
from commlog.account import password_cache, slots
from commlog.audit import AuditAction
from commlog.kit import origins
from commlog.models import User, WrongPassword
from notifications import alerts
from notifications.process import this_process

UNKNOWN = "a user name that does not exist"  # never what was typed: it may be a password in the wrong box
ALARM_MINUTES = 60
MOST_WRONG_CODES = 20  # of one user within ALARM_MINUTES, from all addresses: two of a hundred thousand
_MOST_HELD = 10_000
# Origin and digest of the name, or "" for all -> until when.
_locked: dict[tuple[str, str], datetime] = this_process.keep({})


class Refused(Exception):
    """The password was not checked. `wait`: seconds until it may be tried again."""

    def __init__(self, said: str, wait: int) -> None:
        super().__init__(said)
        self.said, self.wait = said, wait


class Locked(Refused):
    """Too many wrong passwords: for this user name from here, or from here for any name."""


class Busy(Refused):
    """Too many passwords are being checked at the moment."""


@dataclass(frozen=True, slots=True)
class _Try:
    """A sign-in attempt as it is counted: a digest of the user name, and the client address."""

    username: str
    name: str
    network: str
    what: str = "passwords"


@sensitive_variables()
def verified(request: HttpRequest, username: str, password: str, *, remember: bool = False) -> User | None:
    """Return the user with this name and password, or None. Raises Locked or Busy.

    With `remember` a right password is not hashed again for a minute; the user's row is still read. Programs
    sign in like that, and never with an emergency password.
    """
    if remember and not settings.LOCAL_PASSWORDS:
        return None
    tried = _try(request, username)
    if remember:
        _refuse_locked(tried)  # or the answers to whoever guesses would tell which password is right
        if known := password_cache.user_with(username, password):
            return known
    found = _checked(
        tried,
        lambda: _allowed(authenticate(request, username=username, password=password)),
        AuditAction.SIGN_IN_FAILED,
    )
    if remember and isinstance(found, User):
        password_cache.keep(found, password)
    return found if isinstance(found, User) else None


def may_be_used(user: User) -> bool:
    """Return whether the user may sign in with a password: every user, or only emergency accounts."""
    return settings.LOCAL_PASSWORDS or user.username in settings.BREAK_GLASS_USERS


def refuse_flood(request: HttpRequest, what: str) -> None:
    """Raise Locked if `what` was requested from an address as often as passwords may be guessed there."""
    network, minutes = origins.network_of(origins.address_of(request)), settings.SIGN_IN_MINUTES
    if not counts.at_most(settings.SIGN_IN_MOST_WRONG_OF_ADDRESS, f"{what}:{network}", minutes=minutes):
        raise Locked(f"Too many attempts from your address. Wait {minutes} minutes.", minutes * 60)


def _allowed(found: object) -> User | None:
    return found if isinstance(found, User) and may_be_used(found) else None


@sensitive_variables()
def is_present(request: HttpRequest, user: User, password: str) -> bool:
    """Return whether it is the signed-in user's password: open sessions must not guess. Raises Locked or
    Busy.
    """
    return bool(
        _checked(
            _try(request, user.username), lambda: user.check_password(password), AuditAction.PASSWORD_WRONG
        )
    )


@sensitive_variables()
def code_is_right(request: HttpRequest, user: User, check: Callable[[], bool]) -> bool:
    """Return whether a person's code or passkey is right. Raises Locked or Busy.

    Counted apart from passwords, else somebody with the password could start anew with it; and over all
    addresses, since only somebody with the password gets this far.
    """
    tried = replace(_try(request, f"{user.username}\0codes"), username=user.username, what="codes")
    since = timezone.now() - timedelta(minutes=ALARM_MINUTES)
    if WrongPassword.objects.filter(name=tried.name, at__gt=since).count() >= MOST_WRONG_CODES:
        _refuse(tried, tried.name, timedelta(minutes=ALARM_MINUTES))
    return bool(_checked(tried, check, AuditAction.CODE_WRONG))


def refuse_known_lock(request: HttpRequest, username: str) -> None:
    """Raise Locked if this process knows of the lock: floods of guesses cost no query."""
    _refuse_remembered(_try(request, username))


def _try(request: HttpRequest, username: str) -> _Try:
    spelt = unicodedata.normalize("NFKC", username).casefold().strip()
    digest = salted_hmac("commlog.account.passwords", spelt, algorithm="sha256").hexdigest()
    return _Try(username, digest, origins.network_of(origins.address_of(request)))


def _checked(tried: _Try, check: Callable[[], object], wrong: AuditAction) -> object:
    """Run `check` within a slot. The fifth wrong password is answered like the sixth: locked."""
    _refuse_remembered(tried)
    try:
        with slots.slot(tried.network):
            counted = _refuse_locked(tried)
            found = check()
            if not found:
                _count(tried, wrong)
            elif counted:  # whoever knew it at last was not guessing
                WrongPassword.objects.filter(name=tried.name, network=tried.network).delete()
    except slots.Busy as busy:
        raise Busy(
            "Too many people are signing in at the moment. Your password was not checked. Try again.", 1
        ) from busy
    if not found:
        _refuse_locked(tried)
    return found


def _refuse_locked(tried: _Try) -> int:
    """Return the number of wrong passwords. Raises Locked if these, or those of all names, are too many."""
    now, window = timezone.now(), timedelta(minutes=settings.SIGN_IN_MINUTES)
    of_all = settings.SIGN_IN_MOST_WRONG_OF_ADDRESS
    counted = (
        WrongPassword.objects.filter(network=tried.network, at__gt=now - window)
        .order_by("-at")
        .values_list("at", "name")
    )
    newest = list(counted[:of_all])
    of_name = [at for at, name in newest if name == tried.name]
    limits = (("", [at for at, _ in newest], of_all), (tried.name, of_name, settings.SIGN_IN_MOST_WRONG))
    ends = {what: times[most - 1] + window for what, times, most in limits if len(times) >= most}
    if len(_locked) >= _MOST_HELD:
        _locked.clear()
    _locked.update({(tried.network, what): ends[what] for what in ends})
    _refuse_remembered(tried)
    return len(of_name)


def _refuse_remembered(tried: _Try) -> None:
    now = timezone.now()
    for what in ("", tried.name):  # all names from there, or this one
        until = _locked.get((tried.network, what), now)
        if until > now:
            _refuse(tried, what, until - now)


def _refuse(tried: _Try, what: str, left: timedelta) -> NoReturn:
    if counts.at_most(1, f"locked:{tried.network}:{what}", minutes=settings.SIGN_IN_MINUTES) and _may_note(
        tried
    ):
        _record(AuditAction.SIGN_IN_LOCKED, tried)
    minutes = math.ceil(left.total_seconds() / 60)
    said = f"Too many wrong {tried.what}. Wait {minutes} minute{'' if minutes == 1 else 's'}."
    raise Locked(said, math.ceil(left.total_seconds()))


def _count(tried: _Try, action: AuditAction) -> None:
    with transaction.atomic():
        WrongPassword.objects.create(name=tried.name, network=tried.network)
        if _may_note(tried):
            _record(action, tried)
        _alarm(tried)


def _may_note(tried: _Try) -> bool:
    return counts.at_most(audit.MOST_A_MINUTE, f"sign-in:{tried.network}")


def _record(action: AuditAction, tried: _Try) -> None:
    user = User.objects.filter(username=tried.username).first()
    actor = user if action == AuditAction.PASSWORD_WRONG else None
    audit.record(actor, action, user, kind="user", label="" if user else UNKNOWN)


def _alarm(tried: _Try) -> None:
    """Alert the owner, once an hour, that an account is being guessed. Locking it would do the attacker's
    work.
    """
    since = timezone.now() - timedelta(minutes=ALARM_MINUTES)
    wrong = WrongPassword.objects.filter(name=tried.name, at__gt=since)
    number = wrong.count()
    if not 0 < settings.SIGN_IN_ALARM <= number:
        return
    user = User.objects.filter(username=tried.username).first()
    if user is None or not counts.at_most(1, f"alarm:{user.pk}", minutes=ALARM_MINUTES):
        return
    origins_of_them = wrong.values("network").distinct().count()
    said = {f"wrong {tried.what}": number, "addresses": origins_of_them, "within minutes": ALARM_MINUTES}
    audit.record(None, AuditAction.SIGN_IN_ALARM, user, after=said)
    alerts.tell(
        f"Many wrong {tried.what} for {user.username}",
        f"Within the last hour {number} wrong {tried.what} were entered for the user {user.username}, from "
        f"{origins_of_them} addresses.\n\n"
        "The account is not locked. Ask the user. If it was someone else, make sure that the password is "
        "long and not used anywhere else.\n"
        "The audit trail shows the addresses.\n",
    )
