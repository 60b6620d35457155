"""Wiring only: the Chalice object, its routes, schedules, queue and direct functions, each one line into a module."""

from chalice.app import Chalice

from chalicelib.platform import logging
from chalicelib.platform.settings import settings
from chalicelib.wiring import functions
from chalicelib.wiring.routes import serve_http
from chalicelib.wiring.sources import offer_sources

app = Chalice(app_name="meterfold", configure_logs=False)

logging.guard(app.log)
offer_sources()
if settings.serves_http:
    serve_http(app)

# Lambda finds each function below by its name in this module.
# Schedules.
rollup_usage = app.schedule("rate(5 minutes)", name="rollup_usage")(functions.rollup_usage)
run_billing = app.schedule("rate(1 hour)", name="run_billing")(functions.run_billing)
settle_credits = app.schedule("rate(1 hour)", name="settle_credits")(functions.settle_credits)

# Queues. Messages of one batch share segments, so waiting a second for more of them makes small ones cheap.
receive_events = app.on_sqs_message(
    queue="usage-events", name="receive_events", batch_size=100, maximum_batching_window_in_seconds=1
)(functions.receive_events)
rollup_shards = app.on_sqs_message(queue="rollup-shards", name="rollup_shards", batch_size=1)(functions.rollup_shards)
bill_organizations = app.on_sqs_message(queue="billing", name="bill_organizations", batch_size=1)(
    functions.bill_organizations
)

# Direct functions, guarded by IAM.
create_api_key = app.lambda_function(name="create_api_key")(functions.create_api_key)
ingest_events = app.lambda_function(name="ingest_events")(functions.ingest_events)
credit_balance = app.lambda_function(name="credit_balance")(functions.credit_balance)
authorize_usage = app.lambda_function(name="authorize_usage")(functions.authorize_usage)
refold_usage = app.lambda_function(name="refold_usage")(functions.refold_usage)

functions.import_function(settings.handler)
