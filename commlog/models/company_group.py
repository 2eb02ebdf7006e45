"""The company's groups and the roles they grant."""

from django.contrib.auth.models import Group as Role
from django.db import models


class CompanyGroup(models.Model):
    """A group, as the provider names it, and a role granted to its members at sign-in."""

    name = models.CharField(max_length=250)
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="company_groups")

    class Meta:
        verbose_name = "company group"
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["name", "role"], name="company_group_once")]

    def __str__(self) -> str:
        return self.name
