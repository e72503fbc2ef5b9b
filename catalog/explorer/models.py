"""Views of the explorer that people saved."""

from __future__ import annotations

from django.conf import settings
from django.db import models

#: Views that one person can save.
MAX_VIEWS = 50


class SavedView(models.Model):
    """A search with its order and columns, under a name of its person's; nobody else sees it.

    `query` is the address's, and is read anew each time: a filter that is gone by then is told and left out.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=4000, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="saved_view_name_once")]

    def __str__(self) -> str:
        return self.name
