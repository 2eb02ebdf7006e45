"""The permissions that come with the user of a session."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from pytest_django import DjangoAssertNumQueries

from commlog.account.backends import StaffBackend
from tests.factories import officer

pytestmark = pytest.mark.django_db


def test_they_are_those_of_django_by_one_statement(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    user = officer()
    one, two, three = Permission.objects.order_by("-pk")[:3]
    user.user_permissions.add(one, two)
    user.groups.add(role := Role.objects.create(name="Auditor"))
    role.permissions.add(two, three)

    with django_assert_num_queries(1):
        found = StaffBackend().get_user(user.pk)
        assert found == user
        held = found.get_all_permissions()
    assert held == ModelBackend().get_all_permissions(get_user_model().objects.get(pk=user.pk))
    assert len(held) > 10
    assert found.has_perm(f"{three.content_type.app_label}.{three.codename}")


def test_who_has_none_is_not_asked_again(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    user = officer()
    user.groups.clear()
    with django_assert_num_queries(1):
        found = StaffBackend().get_user(user.pk)
        assert found
        assert found.get_all_permissions() == set()


def test_nobody_comes_of_an_unknown_or_an_inactive_user() -> None:
    user = officer()
    assert StaffBackend().get_user(user.pk + 1) is None
    user.is_active = False
    user.save()
    assert StaffBackend().get_user(user.pk) is None
