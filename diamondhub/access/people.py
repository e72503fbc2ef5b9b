"""People: who may use the admin, what they may do there, and every sign-in. Django has the models; here they are audited.

Rights are held by people and groups in four tables of Django's. Whatever changes one of them is an event of the audit, by
whomever and by what means it is changed. `diamondhub.admin.login` writes the sign-ins.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pgtrigger
from django.contrib.auth.models import Group, Permission, User
from django.db import models
from django.db.models.functions import Now

from diamondhub.audit.tracking import audited

if TYPE_CHECKING:
    from django.db.models import Model as _GroupRight
    from django.db.models import Model as _Membership
    from django.db.models import Model as _PersonRight
else:
    _Membership, _PersonRight = User.groups.through, User.user_permissions.through
    _GroupRight = Group.permissions.through


# Signing in is a change of `last_login`; a new password is told without its hash.
@audited(
    exclude=("password",),
    changes_of=(
        *("username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser"),
        *("password", "last_login", "date_joined"),
    ),
    # A program that reads the audit needs to know who it was, and has no business with how to write to them.
    personal=("first_name", "last_name", "email"),
)
class Person(User):
    """A user of the admin, as the audit sees it."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = "user"


@audited()
class PeopleGroup(Group):
    """A group of users, as the audit sees it."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = "group"


@audited(part_of="user")
class Membership(_Membership):
    """That a user belongs to a group."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = "membership"

    def __str__(self) -> str:
        row: Any = self
        return f"user {row.user_id} in group {_group(row.group_id)}"


@audited(part_of="user")
class PersonRight(_PersonRight):
    """A right that a user has without any group."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = "right of a user"

    def __str__(self) -> str:
        row: Any = self
        return f"user {row.user_id} may {_right(row.permission_id)}"


@audited(part_of="group")
class GroupRight(_GroupRight):
    """A right that all users of a group have."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = "right of a group"

    def __str__(self) -> str:
        row: Any = self
        return f"group {row.group_id} may {_right(row.permission_id)}"


class SignIn(models.Model):
    """One try to sign in to the admin that was let through to the check of a password.

    What is turned away unchecked is in the log alone. Rows are never changed: a trigger refuses it.
    """

    class Outcome(models.TextChoices):
        SIGNED_IN = "signed_in", "signed in"
        REFUSED = "refused", "refused"

    at = models.DateTimeField(db_default=Now())
    #: As it was typed, but for what cannot be shown.
    name = models.CharField(max_length=150)
    address = models.CharField(max_length=45)
    outcome = models.CharField(max_length=10, choices=Outcome)
    #: Whether the browser was one that this person had signed in with before.
    known_browser = models.BooleanField()
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        default_permissions = ("view",)
        verbose_name = "sign-in"
        indexes = [
            models.Index(fields=["name", "-id"], name="signin_name"),
            models.Index(fields=["address", "-id"], name="signin_address"),
            models.Index(fields=["at"], name="signin_at"),
        ]
        triggers = [pgtrigger.Protect(name="sign_ins_stay", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.name} from {self.address}"


@lru_cache(maxsize=1024)
def _right(number: int) -> str:
    """What a permission is called; migrations alone change it."""
    permission = Permission.objects.filter(pk=number).first()
    return permission.name.removeprefix("Can ") if permission else f"right {number}"


def _group(number: int) -> str:
    group = Group.objects.filter(pk=number).first()
    return group.name if group else str(number)
