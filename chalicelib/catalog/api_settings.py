"""The settings over HTTP."""

from dataclasses import asdict
from typing import Any

from chalicelib.catalog import store
from chalicelib.catalog.logo import Logo
from chalicelib.catalog.models import SettingsAnswer, SettingsShape
from chalicelib.catalog.settings import BillingSettings, Seller
from chalicelib.platform.http import ADMIN, READ, Answer, Effect, Request, Routes

routes = Routes("catalog")


@routes.get("/v1/settings", roles={READ}, answers={200: SettingsAnswer})
def get_settings(request: Request) -> Answer:
    """Show the settings."""
    del request
    return Answer(show(store.get_settings(), store.find_logo()))


@routes.put("/v1/settings", roles={ADMIN}, body=SettingsShape, answers={200: SettingsAnswer})
def replace_settings(request: Request) -> Effect:
    """Replace all settings: what is left out goes back to its default."""
    body: SettingsShape = request.body
    seller = Seller(body.seller.legal_name, body.seller.address, body.seller.tax_id)
    wanted = BillingSettings(seller, body.late_limit_days, body.create_unknown_organizations)
    return Effect(Answer(show(wanted, body.seller.logo)), store.settings_writes(wanted, body.seller.logo))


def show(settings: BillingSettings, logo: Logo | None) -> dict[str, Any]:
    """Show the settings as JSON."""
    seller = {**asdict(settings.seller), "logo": None if logo is None else logo.uri}
    return {**asdict(settings), "seller": seller}
