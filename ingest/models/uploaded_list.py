"""Lists that people upload: what suppliers send by mail."""

from __future__ import annotations

from django.db import models


class UploadedList(models.Model):
    """One file for the feeds whose source is `upload://<inbox>`; the newest that is complete is theirs.

    It lies in the database in pieces, since a run may be planned on any host. `ingest.uploads` writes and reads it.
    """

    inbox = models.SlugField(max_length=50)
    name = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField(default=0)
    uploaded_by = models.CharField(max_length=150)
    reason = models.CharField(max_length=500, blank=True, default="")
    begun_at = models.DateTimeField(auto_now_add=True)
    #: When its last piece was there.
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["inbox", "-completed_at"], name="uploaded_list_newest")]

    def __str__(self) -> str:
        return self.name


class UploadedPiece(models.Model):
    """Some of the bytes of an uploaded list, in the order of their numbers from 0."""

    upload = models.ForeignKey(UploadedList, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["upload", "number"], name="uploaded_piece_once")]

    def __str__(self) -> str:
        return f"{self.upload}, piece {self.number}"
