"""Receivers by TLS: only one whose certificate is good for its name is told anything."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests.adapters

from diamondhub.tests.tls import Authority, tls_before
from diamondhub.webhooks import sending
from diamondhub.webhooks.sending import NotSent
from diamondhub.webhooks.tests.receivers import Receiver


def trust(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(authority.path))


def test_a_receiver_with_a_good_certificate_is_told(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Authority(tmp_path, "ours")
    trust(ours, monkeypatch)

    with tls_before(receiver.port, ours.sign("127.0.0.1")) as port:
        status = sending.post(f"https://127.0.0.1:{port}/hook", b"{}", {"webhook-id": "msg_1"})

    assert status == 204
    assert receiver.ids == ["msg_1"]


@pytest.mark.parametrize(("signer", "address"), [("strangers", "127.0.0.1"), ("ours", "127.0.0.2")])
def test_a_receiver_whose_certificate_is_a_stranger_s_or_another_s_is_told_nothing(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signer: str, address: str
) -> None:
    trust(Authority(tmp_path, "trusted"), monkeypatch)
    signing = Authority(tmp_path, signer)
    if signer == "ours":
        trust(signing, monkeypatch)

    with tls_before(receiver.port, signing.sign(address)) as port:
        with pytest.raises(NotSent, match="certificate cannot be trusted"):
            sending.post(f"https://127.0.0.1:{port}/hook", b"{}", {"webhook-id": "msg_1"})

    assert receiver.messages == []


def test_the_environment_cannot_have_certificates_passed_over(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strangers = Authority(tmp_path, "strangers")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(strangers.path))

    with tls_before(receiver.port, strangers.sign("127.0.0.1")) as port:
        with pytest.raises(NotSent, match="certificate cannot be trusted"):
            sending.post(f"https://127.0.0.1:{port}/hook", b"{}", {})

    assert receiver.messages == []
