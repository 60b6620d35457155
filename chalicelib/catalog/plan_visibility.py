"""Which plan versions an organization may see: those that it is or was subscribed to, or will be."""

from chalicelib.catalog.subscriptions import Subscriptions


def subscribed_versions(subscriptions: Subscriptions) -> set[tuple[str, int]]:
    """List the plans with their versions that any subscription of an organization names, at any time."""
    return {
        (phase.terms.plan, phase.terms.version)
        for subscription in subscriptions.subscriptions
        for run in subscription.runs
        for phase in run.phases
    }
