"""The settings over HTTP."""

from dataclasses import asdict
from typing import Any

from chalicelib.catalog import store
from chalicelib.catalog.models import SettingsAnswer, SettingsShape
from chalicelib.catalog.settings import BillingSettings, Seller
from chalicelib.platform.http import ADMIN, READ, Answer, Effect, Request, Routes

routes = Routes("catalog")


@routes.get("/v1/settings", roles={READ}, answers={200: SettingsAnswer})
def get_settings(request: Request) -> Answer:
    """Show the settings."""
    del request
    return Answer(show(store.get_settings()))


@routes.put("/v1/settings", roles={ADMIN}, body=SettingsShape, answers={200: SettingsAnswer})
def replace_settings(request: Request) -> Effect:
    """Replace all settings: what is left out goes back to its default."""
    body: SettingsShape = request.body
    seller = Seller(body.seller.legal_name, body.seller.address, body.seller.tax_id)
    wanted = BillingSettings(seller, body.late_limit_days, body.create_unknown_organizations)
    return Effect(Answer(show(wanted)), store.settings_writes(wanted))


def show(settings: BillingSettings) -> dict[str, Any]:
    """Show the settings as JSON."""
    return asdict(settings)
