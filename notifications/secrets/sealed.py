"""Secrets sealed at rest, and opened only by the channel that sends them.

A sealed text is the prefix SEALED and a Fernet token under SECRETS_KEY; SECRETS_PREVIOUS_KEYS still open
older tokens (`manage.py rotate_secrets` seals them again). Code that copies or exports it handles it like any
other text.
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
    """Return the text in its stored form; "" stays ""."""
    return SEALED + _box().encrypt(text.encode()).decode() if text else ""


def opened(stored: str) -> str:
    """Return the text of a stored secret. Raises Unreadable.

    A text that was never sealed is returned as it is.
    """
    if not is_sealed(stored):
        return stored
    try:
        return _box().decrypt(stored[len(SEALED) :]).decode()
    except InvalidToken as error:
        raise Unreadable("no key of SECRETS_KEY and SECRETS_PREVIOUS_KEYS opens a stored secret") from error


def is_sealed(stored: str) -> bool:
    """Return whether this is a stored secret."""
    return stored.startswith(SEALED)


def new_key() -> str:
    """Return a key for `seal_under`. Texts sealed under it are lost for good when the key is deleted."""
    return Fernet.generate_key().decode()


def seal_under(key: str, text: str) -> str:
    """Return the text sealed under its own key (`new_key`), not under SECRETS_KEY."""
    return Fernet(key).encrypt(text.encode()).decode()


def opened_under(key: str, sealed_text: str) -> str:
    """Return the text that `seal_under` was given."""
    return Fernet(key).decrypt(sealed_text).decode()


def names_a_secret(header: str) -> bool:
    """Return whether a header of this name may hold what nobody should read off a screen."""
    lowered = header.lower()
    return any(word in lowered for word in _SECRET_WORDS) and "idempotency" not in lowered


def seal_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers in their stored form.

    A value is sealed if the header's name suggests a secret, or if the value looks sealed.
    """
    return {
        name: seal(value) if names_a_secret(name) or is_sealed(value) else value
        for name, value in headers.items()
    }


def open_headers(stored: Mapping[str, str]) -> dict[str, str]:
    """Return the headers as they are sent. Raises Unreadable."""
    return {name: opened(value) for name, value in stored.items()}


def digests(text: str) -> list[str]:
    """Return keyed digests of a text that may not be stored itself, the present key's first.

    Digests under older keys follow. Without the keys nobody can find out the text by trying.
    """
    keys = (settings.SECRETS_KEY or _key_in(settings.SECRETS_KEY_FILE), *settings.SECRETS_PREVIOUS_KEYS)
    return [hmac.digest(key.encode(), text.encode(), "sha256").hex() for key in keys]


class SealedTextField(models.TextField):
    """A column of sealed text. It refuses to store any other; migrations see a TextField."""

    def deconstruct(self) -> Any:
        """Deconstruct as a plain TextField, which the column is."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs

    def get_prep_value(self, value: Any) -> Any:
        """Return the sealed text. Raises ValueError for a readable one."""
        if value and not is_sealed(value):
            raise ValueError(f"{self.name} is stored sealed only")
        return super().get_prep_value(value)


class SealedHeadersField(models.JSONField):
    """A column of headers whose secret values are sealed; migrations see a JSONField."""

    def deconstruct(self) -> Any:
        """Deconstruct as a plain JSONField, which the column is."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Return the headers. Raises ValueError if a secret one is readable."""
        if isinstance(value, Mapping) and any(
            names_a_secret(name) and each and not is_sealed(each) for name, each in value.items()
        ):
            raise ValueError(f"the secret values of {self.name} are stored sealed only")
        return super().get_db_prep_value(value, connection, prepared)


def rotate() -> int:
    """Seal all stored secrets with the present key. Returns how many rows changed.

    Raises Unreadable; a later call continues.
    """
    fields = [(model, field) for model in apps.get_models() for field in model._meta.concrete_fields]
    return sum(
        _rotate(model, field)
        for model, field in fields
        if isinstance(field, SealedTextField | SealedHeadersField) or (model, field.name) in _elsewhere
    )


def rotate_too(model: type[models.Model], field: str) -> None:
    """Register a JSON field of a library's model whose sealed values are to be rotated too."""
    _elsewhere.add((model, field))


def _rotate(model: type[models.Model], field: Any) -> int:
    """Rotate in batches, each in a transaction that locks its rows.

    So no concurrent change is overwritten.
    """
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
    """Return the key that this installation made for itself, creating it if there is none."""
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
