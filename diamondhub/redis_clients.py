"""Every client of Redis, with time-outs and, over TLS, with the server's certificate verified.

`client` makes those of our own code; `connection_options` and `broker_ssl` have the same for the cache and for Celery, whose
libraries make theirs themselves. kombu verifies nothing over `rediss://` unless it is told to.
"""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import urlsplit

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

#: Where answers are waited for no longer than this, somebody waits for us, and nothing is tried twice (seconds).
IMPATIENT_SECONDS = 1.0


def client(url: str, *, seconds: float | None = None, **options: Any) -> redis.Redis:
    """A client of the server at `url` that waits no longer than `seconds` for a connection and for each answer.

    Unless it is told otherwise, that is `REDIS_ANSWER_SECONDS`.
    """
    ca_file = settings.REDIS_CA_FILE if _over_tls(url) else ""
    waits = settings.REDIS_ANSWER_SECONDS if seconds is None else seconds
    return redis.Redis.from_url(url, **{**connection_options(url, ca_file=ca_file, seconds=waits), **options})


def connection_options(url: str, *, ca_file: str, seconds: float) -> dict[str, Any]:
    """What connections to `url` are made with; `ca_file` names certificates that are trusted beside the system's."""
    options: dict[str, Any] = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
    if seconds < IMPATIENT_SECONDS:
        # redis-py tries three times more, and waits between.
        options["retry"] = Retry(NoBackoff(), 0)
    if _over_tls(url):
        options |= _verified(ca_file)
    return options


def broker_ssl(url: str, *, ca_file: str) -> dict[str, Any] | bool:
    """Celery's `broker_use_ssl` for a broker at `url`, Redis or RabbitMQ; False without TLS."""
    scheme = urlsplit(url).scheme
    if scheme == "rediss":
        return _verified(ca_file)
    if scheme == "amqps":
        # No name is the broker's own, with which its certificate is then compared.
        verified: dict[str, Any] = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}
        return verified | ({"ca_certs": ca_file} if ca_file else {})
    return False


def _over_tls(url: str) -> bool:
    return urlsplit(url).scheme == "rediss"


def _verified(ca_file: str) -> dict[str, Any]:
    verified: dict[str, Any] = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
    return verified | ({"ssl_ca_certs": ca_file} if ca_file else {})
