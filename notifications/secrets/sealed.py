"""Secrets at rest are stored sealed, and opened only by the channel that sends them.

A sealed text is the mark and a Fernet token under SECRETS_KEY; SECRETS_PREVIOUS_KEYS still open theirs
(`manage.py rotate_secrets` seals anew). It is a text like any other to whoever copies or exports it.
"""

import base64
import contextlib
import functools
import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.db.models import Q

HIDDEN = "hidden"  # what pages and provider's answers show in a secret's place
SEALED = "sealed:"  # how every sealed text begins
_SECRET_WORDS = ("auth", "token", "secret", "key", "cookie", "password", "signature")
_BATCH = 500
_elsewhere: set[tuple[type[models.Model], str]] = set()


class Unreadable(Exception):
    """A stored secret that none of the keys opens."""


def seal(text: str) -> str:
    """The text as it may be stored. No text stays no text."""
    return SEALED + _box().encrypt(text.encode()).decode() if text else ""


def opened(stored: str) -> str:
    """The text of a stored secret; what was never sealed is given back as it is. Raises Unreadable."""
    if not is_sealed(stored):
        return stored
    try:
        return _box().decrypt(stored[len(SEALED) :]).decode()
    except InvalidToken as error:
        raise Unreadable("no key of SECRETS_KEY and SECRETS_PREVIOUS_KEYS opens a stored secret") from error


def is_sealed(stored: str) -> bool:
    """Whether this is a stored secret."""
    return stored.startswith(SEALED)


def new_key() -> str:
    """A key for `seal_under`. What is sealed under it is gone for good when the key is deleted."""
    return Fernet.generate_key().decode()


def seal_under(key: str, text: str) -> str:
    """The text sealed under a key of its own (`new_key`), not under SECRETS_KEY."""
    return Fernet(key).encrypt(text.encode()).decode()


def opened_under(key: str, sealed_text: str) -> str:
    """What `seal_under` was given."""
    return Fernet(key).decrypt(sealed_text).decode()


def names_a_secret(header: str) -> bool:
    """Whether a header of this name may hold what nobody should read off a screen."""
    lowered = header.lower()
    return any(word in lowered for word in _SECRET_WORDS) and "idempotency" not in lowered


def seal_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers as stored: sealed where the name says so or the value looks sealed."""
    return {
        name: seal(value) if names_a_secret(name) or is_sealed(value) else value
        for name, value in headers.items()
    }


def open_headers(stored: Mapping[str, str]) -> dict[str, str]:
    """The headers as they are sent. Raises Unreadable."""
    return {name: opened(value) for name, value in stored.items()}


def digests(text: str) -> list[str]:
    """What can stand for a text where it may not be written: under the present key first, then under those
    before. Whoever has none of the keys cannot tell which text it is by trying.
    """
    keys = (settings.SECRETS_KEY or _key_in(settings.SECRETS_KEY_FILE), *settings.SECRETS_PREVIOUS_KEYS)
    return [hmac.digest(key.encode(), text.encode(), "sha256").hex() for key in keys]


class SealedTextField(models.TextField):
    """A column of sealed text. It refuses to store any other; migrations see a TextField."""

    def deconstruct(self) -> Any:
        """As a plain TextField: the column is one."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs

    def get_prep_value(self, value: Any) -> Any:
        """The sealed text. Raises ValueError for a readable one."""
        if value and not is_sealed(value):
            raise ValueError(f"{self.name} is stored sealed only")
        return super().get_prep_value(value)


class SealedHeadersField(models.JSONField):
    """A column of headers whose secret values are sealed; migrations see a JSONField."""

    def deconstruct(self) -> Any:
        """As a plain JSONField: the column is one."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """The headers. Raises ValueError where a secret one is readable."""
        if isinstance(value, Mapping) and any(
            names_a_secret(name) and each and not is_sealed(each) for name, each in value.items()
        ):
            raise ValueError(f"the secret values of {self.name} are stored sealed only")
        return super().get_db_prep_value(value, connection, prepared)


def rotate() -> int:
    """Seal all stored secrets under the present key; how many rows. Goes on after Unreadable."""
    fields = [(model, field) for model in apps.get_models() for field in model._meta.concrete_fields]
    return sum(
        _rotate(model, field)
        for model, field in fields
        if isinstance(field, SealedTextField | SealedHeadersField) or (model, field.name) in _elsewhere
    )


def rotate_too(model: type[models.Model], field: str) -> None:
    """Seal anew what is sealed in a JSON object of a library's model, which has no field of ours."""
    _elsewhere.add((model, field))


def _rotate(model: type[models.Model], field: Any) -> int:
    """In batches, each in a transaction that holds its rows: what is changed meanwhile is not overwritten."""
    empty = Q(**{field.name: {} if isinstance(field, models.JSONField) else ""})
    changed, last = 0, 0
    while True:
        with transaction.atomic():
            rows = list(
                model._default_manager.select_for_update()
                .filter(~empty, pk__gt=last)
                .only(field.name)
                .order_by("pk")[:_BATCH]
            )
            moved = [row for row in rows if _seal_anew(row, field.name)]
            model._default_manager.bulk_update(moved, [field.name])
        if not rows:
            return changed
        changed, last = changed + len(moved), rows[-1].pk


def _seal_anew(row: models.Model, name: str) -> bool:
    stored = getattr(row, name)
    anew = (
        {header: _anew(value) for header, value in stored.items()}
        if isinstance(stored, dict)
        else _anew(stored)
    )
    setattr(row, name, anew)
    return bool(anew != stored)


def _anew(stored: Any) -> Any:
    if not isinstance(stored, str) or not is_sealed(stored):
        return stored
    try:
        return SEALED + _box().rotate(stored[len(SEALED) :]).decode()
    except InvalidToken as error:
        raise Unreadable("no key of SECRETS_KEY and SECRETS_PREVIOUS_KEYS opens a stored secret") from error


def _box() -> MultiFernet:
    return _box_of(settings.SECRETS_KEY, tuple(settings.SECRETS_PREVIOUS_KEYS), settings.SECRETS_KEY_FILE)


@functools.lru_cache(maxsize=4)
def _box_of(key: str, previous: Sequence[str], file: Path) -> MultiFernet:
    # The settings see to it that a key is long and random, so one round of a hash makes Fernet's 32 octets of
    # it.
    keys = (key or _key_in(file), *previous)
    return MultiFernet(
        [Fernet(base64.urlsafe_b64encode(hashlib.sha256(each.encode()).digest())) for each in keys]
    )


def _key_in(file: Path) -> str:
    """The key that this installation made for itself; made now where there is none."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        # Readable by its owner alone.
        with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=file.name) as draft:
            draft.write(secrets.token_urlsafe(48))
            draft.flush()
            os.fsync(draft.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(draft.name, file)  # all of it at once, and only if nobody else was quicker
    return file.read_text().strip()
