"""Pauses that suppliers asked for, kept where a flushed Redis cannot forget them."""

from __future__ import annotations

from django.db import models


class SupplierPause(models.Model):
    """Until when nobody may ask a supplier's account, by the database's clock."""

    account = models.CharField(max_length=100, primary_key=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.account} until {self.until:%H:%M:%S}"
