"""What the doctor finds of keys and peppers: versions that are gone though something needs them."""

from __future__ import annotations

from typing import Any

import pytest

from diamondhub.access import doctor
from diamondhub.access.clients import create_client
from diamondhub.access.models import ApiKey
from diamondhub.operations.doctor.tests.planting import findings

pytestmark = pytest.mark.django_db


def test_a_pepper_that_live_keys_need_and_that_is_gone_is_critical(settings: Any) -> None:
    create_client("shop", scopes=["catalog:read"])
    fine = findings(doctor.versions_are_there)
    settings.API_KEY_PEPPERS = {9: b"another pepper that is long enough"}

    (finding,) = findings(doctor.versions_are_there)

    assert fine == []
    assert finding.severity == "critical"
    assert "1 live API key is hashed under version" in finding.words


def test_a_key_that_seals_secrets_and_that_is_gone_is_critical(settings: Any) -> None:
    create_client("shop", scopes=["catalog:read"], signing=True)
    assert ApiKey.objects.filter(signing_secret__isnull=False).exists()
    settings.ENCRYPTION_KEYS = "9:" + "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY="

    (finding,) = findings(doctor.versions_are_there)

    assert finding.severity == "critical"
    assert "ENCRYPTION_KEYS lacks keys that still seal secrets: version" in finding.words


def test_a_program_that_is_not_given_them_says_that_it_did_not_look(settings: Any) -> None:
    create_client("shop", scopes=["catalog:read"])
    settings.PROGRAM, settings.API_KEY_PEPPERS = "worker-io", {}

    said = list(doctor.versions_are_there())

    assert said == ["peppers were not looked at: worker-io is not given them"]
