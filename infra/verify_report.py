"""What verifying found: how much of each kind was looked at, and everything that is wrong."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Finding", "Report"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, and of which organization."""

    organization: str
    what: str


@dataclass(slots=True)
class Report:
    """What was looked at, and what is wrong."""

    looked_at: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def add(self, organization: str, what: str) -> None:
        """Note something that is wrong."""
        self.findings.append(Finding(organization, what))

    def shown(self) -> dict[str, Any]:
        """Show it as a JSON object."""
        return {
            "valid": not self.findings,
            "looked_at": dict(sorted(self.looked_at.items())),
            "findings": [{"organization": one.organization, "what": one.what} for one in self.findings],
        }
