"""The operations app: what the start page shows and what is forgotten, as tables that the other apps fill."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig, apps
from django.utils.module_loading import module_has_submodule


class OperationsConfig(AppConfig):
    """Operations."""

    name = "diamondhub.operations"
    label = "operations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have every app's `operations.py` fill the tables, and the sweep look at prunings.

        The apps on top come first: what they show is what people come for, and what they forget goes before what it
        hangs on.
        """
        from diamondhub import sweep
        from diamondhub.operations import jobs, pruning, retention
        from diamondhub.operations.problems import looking

        for config in reversed(list(apps.get_app_configs())):
            for module in ("problem_kinds", "operations", "job_kinds"):
                if config.module is not None and module_has_submodule(config.module, module):
                    import_module(f"{config.name}.{module}")
        import_module("diamondhub.operations.worker_problems")
        import_module("diamondhub.operations.home_parts")
        import_module("diamondhub.operations.state_metrics")
        retention.register_rows("jobs", jobs.old_jobs)
        retention.register_rows("prunings", pruning.old_prunings)
        retention.check()
        sweep.register(pruning.ring_due)
        sweep.register(looking.look)
        sweep.register(jobs.ring_due)
