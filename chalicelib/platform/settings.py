"""What the environment decides: read once, and never a reason for an import to fail."""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import field

from chalicelib.shared.values import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """The deployment's own values. ``stage`` is in the name of every table.

    ``rollup_queue_url`` is where a rollup sends the shards it has no time for, ``billing_queue_url`` where the billing
    run sends organizations when there are many; empty where there is no such queue. ``frame_ancestors`` says which
    pages may embed the console, as the directive of that name in a Content-Security-Policy does. ``handler`` names the
    function that this process is on Lambda, such as ``app.ingest_events``.
    """

    stage: str
    region: str
    public_url: str
    rollup_queue_url: str
    billing_queue_url: str
    log_level: str
    frame_ancestors: str
    is_lambda: bool
    signing_secret: str = field(repr=False)
    handler: str = ""

    @property
    def serves_http(self) -> bool:
        """Tell whether this process answers HTTP: everywhere but in a function of Lambda that is invoked otherwise."""
        return self.handler in {"", "app.app"}

    def table_name(self, table: str) -> str:
        """Name a table of this stage: ``catalog`` is ``meterfold-dev-catalog``."""
        return f"meterfold-{self.stage}-{table}"

    def signing_key(self, purpose: str) -> bytes:
        """Derive the key of one purpose, so that a cursor can never pass for a portal token.

        Raises ``RuntimeError`` when ``METERFOLD_SIGNING_SECRET`` is missing or short: on use, not on import.
        """
        if len(self.signing_secret) < 32:
            raise RuntimeError("METERFOLD_SIGNING_SECRET must have at least 32 characters")
        return hmac.digest(self.signing_secret.encode(), f"meterfold/{purpose}".encode(), hashlib.sha256)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings of an environment; every one has a default."""
    return Settings(
        stage=environment.get("METERFOLD_STAGE", "dev"),
        region=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1",
        public_url=environment.get("METERFOLD_PUBLIC_URL", "").rstrip("/"),
        rollup_queue_url=environment.get("METERFOLD_ROLLUP_QUEUE_URL", ""),
        billing_queue_url=environment.get("METERFOLD_BILLING_QUEUE_URL", ""),
        log_level=environment.get("METERFOLD_LOG_LEVEL", "INFO"),
        frame_ancestors=_frame_ancestors(environment.get("METERFOLD_FRAME_ANCESTORS", "")),
        is_lambda="AWS_LAMBDA_FUNCTION_NAME" in environment,
        signing_secret=environment.get("METERFOLD_SIGNING_SECRET", ""),
        handler=environment.get("_HANDLER", ""),
    )


def _frame_ancestors(text: str) -> str:
    """Keep what can stand in the directive; what would end it, and so could open the policy, is the same as nothing."""
    named = text.strip()
    return named if named and named.isascii() and named.isprintable() and not set(named) & {";", ","} else "'self'"


settings = read_settings(os.environ)
