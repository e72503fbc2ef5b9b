"""Doorbells of prunings, of jobs, and of the doctor's examinations."""

from __future__ import annotations

from celery import shared_task

from diamondhub.doorbells import answering
from diamondhub.operations import jobs, pruning
from diamondhub.operations.doctor import examining


@shared_task(name="diamondhub.operations.tasks.prune")
def prune(pruning_id: int) -> None:
    """Remove what is no longer needed, a slice at a time."""
    with answering():
        pruning.prune(pruning_id)


@shared_task(name="diamondhub.operations.tasks.examine")
def examine(examination_id: int) -> None:
    """Ask every check of the doctor, and keep what they say."""
    with answering():
        examining.work(examination_id)


@shared_task(name=jobs.COMPUTING)
def job(job_id: int) -> None:
    """Do a job that computes, a slice at a time."""
    with answering():
        jobs.work(job_id)


@shared_task(name=jobs.WAITING)
def waiting_job(job_id: int) -> None:
    """Do a job that waits for others."""
    with answering():
        jobs.work(job_id)
