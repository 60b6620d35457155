"""Opens an organization's billing: the reads that everything else rests on, as of one moment."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from chalicelib.catalog import plan_service, subscription_service
from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.organizations import Organization
from chalicelib.credits import service as credits_service
from chalicelib.credits.wallet import Wallet
from chalicelib.invoices import store
from chalicelib.invoices.progress import Plans, terms_of_all
from chalicelib.invoices.reader import Billing
from chalicelib.platform.reads import ItemKey, find_many
from chalicelib.platform.retries import MAX_ATTEMPTS, pause
from chalicelib.platform.tables import BaseModel
from chalicelib.platform.together import together
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import Busy
from chalicelib.shared.ids import sort_ids
from chalicelib.usage.query import open_reader_with_marks


def open_billing(organization_id: str, now: datetime) -> Billing:
    """Read an organization's billing; raises ``NotFound``, and ``Busy`` while others never stop writing."""
    for attempt in range(MAX_ATTEMPTS):
        if attempt:
            pause(attempt)
        found = _read_billing(organization_id, now)
        if found is not None:
            return found
    credits_service.report_if_unsound(organization_id)
    raise Busy


def _read_billing(organization_id: str, now: datetime) -> Billing | None:
    """Read an organization's billing; ``None`` when somebody wrote the wallet, or what goes with it, since."""
    read_id = sort_ids.next(clock.real_ns())
    usage = open_reader_with_marks(organization_id, now)
    keys = [
        subscription_service.subscriptions_key(organization_id),
        store.head_key(organization_id),
        credits_service.wallet_key(organization_id),
    ]
    settings, (subscribed, head, wallet_head) = together(catalog_service.get_settings, lambda: find_many(keys))
    subscriptions = subscription_service.subscriptions_of(organization_id, subscribed)
    terms = [one for subscription in subscriptions.subscriptions for one in terms_of_all(subscription)]
    plans, wallet = together(
        lambda: plan_service.effective_plans(terms),
        lambda: _find_wallet(usage.organization, keys, (subscribed, head, wallet_head), now),
    )
    if wallet is None:
        return None
    return Billing(
        usage=usage,
        settings=settings,
        subscriptions=subscriptions,
        head=store.head_of(organization_id, head),
        wallet=wallet,
        plans=Plans(list(zip(terms, plans, strict=True))),
        now=now,
        read_id=read_id,
        due_at=subscription_service.due_at_of(subscribed),
    )


def _find_wallet(
    organization: Organization, keys: Sequence[ItemKey], read: Sequence[BaseModel | None], now: datetime
) -> Wallet | None:
    """Read the grants of a wallet whose head was read, and the other heads again.

    An invoice moves all of them at once: when none has changed, they are of one moment, and no credit is counted both
    as drawn by a draft and as consumed.
    """
    head = credits_service.head_of(read[-1])
    find = partial(credits_service.find_wallet, organization.id, head, currency=organization.currency, now=now)
    if not head.grants:
        return find()
    wallet, again = together(find, lambda: find_many(keys))
    return wallet if [_version(one) for one in again] == [_version(one) for one in read] else None


def _version(item: BaseModel | None) -> int:
    return 0 if item is None else int(item.attribute_values["version"])
