"""What the credits' tests share: an application that asks a source of theirs what drafts draw."""

import pytest

from chalicelib.credits import claim_service
from chalicelib.credits.claim_service import use_claims_source
from tests.credits.claiming import SaidClaims


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> SaidClaims:
    """Let the application ask this source; afterwards it has the one that it had before."""
    monkeypatch.setattr(claim_service._source, "_taken", claim_service._source._taken)
    source = SaidClaims()
    use_claims_source(source)
    return source
