"""Wiring only: the Chalice object, its routes, schedules, queue and direct functions, each one line into a module."""

from chalice.app import Chalice

from chalicelib.platform import api as platform_api
from chalicelib.platform.wrapper import serve

app = Chalice(app_name="meterfold", configure_logs=False)

# Routes: one entry for each domain.
serve(
    app,
    platform_api.routes,
)

# Schedules.

# Queue.

# Direct functions, guarded by IAM.
