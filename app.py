"""Wiring only: the Chalice object, its routes, schedules, queue and direct functions, each one line into a module."""

from chalice.app import Chalice

from chalicelib.catalog import api_keys, api_meters, api_organizations, api_plans, api_settings
from chalicelib.catalog import store as catalog_store
from chalicelib.console import api_console
from chalicelib.credits import api_balance, api_grants, api_holds, api_ledger, claim_service, kept_head_service
from chalicelib.credits import jobs as credit_jobs
from chalicelib.invoices import api_authorize, api_documents, api_invoice_actions, api_invoices, api_subscriptions
from chalicelib.invoices import jobs as invoice_jobs
from chalicelib.invoices.attribution import Attribution
from chalicelib.invoices.claiming import DraftClaims
from chalicelib.invoices.kept_head_service import InvoiceHeads
from chalicelib.invoices.spending import Spending
from chalicelib.platform import api as platform_api
from chalicelib.platform import auth
from chalicelib.platform.wrapper import serve
from chalicelib.usage import api_event_search, api_events, api_usage, billed_events, ingest_jobs, spending
from chalicelib.usage import jobs as usage_jobs

app = Chalice(app_name="meterfold", configure_logs=False)

# Routes: one entry for each domain.
serve(
    app,
    platform_api.routes,
    api_organizations.routes,
    api_keys.routes,
    api_settings.routes,
    api_meters.routes,
    api_plans.routes,
    api_events.routes,
    api_event_search.routes,
    api_usage.routes,
    api_grants.routes,
    api_holds.routes,
    api_ledger.routes,
    api_balance.routes,
    api_subscriptions.routes,
    api_invoices.routes,
    api_invoice_actions.routes,
    api_documents.routes,
    api_authorize.routes,
    api_console.routes,
)

auth.use_key_source(catalog_store.find_key)
spending.use_spend_source(Spending())
billed_events.use_billing_source(Attribution())
claim_service.use_claims_source(DraftClaims())
kept_head_service.use_kept_head_source(InvoiceHeads())

# Schedules.
app.schedule("rate(5 minutes)", name="rollup_usage")(usage_jobs.rollup_usage)
app.schedule("rate(1 hour)", name="run_billing")(invoice_jobs.run_billing)
app.schedule("rate(1 hour)", name="settle_credits")(credit_jobs.settle_credits)

# Queues. Messages of one batch share segments, so waiting a second for more of them makes small ones cheap.
app.on_sqs_message(queue="usage-events", name="receive_events", batch_size=100, maximum_batching_window_in_seconds=1)(
    ingest_jobs.receive_events
)
app.on_sqs_message(queue="rollup-shards", name="rollup_shards", batch_size=1)(usage_jobs.rollup_shards)
app.on_sqs_message(queue="billing", name="bill_organizations", batch_size=1)(invoice_jobs.bill_organizations)

# Direct functions, guarded by IAM.
app.lambda_function(name="create_api_key")(api_keys.create_api_key)
app.lambda_function(name="ingest_events")(ingest_jobs.ingest_events)
app.lambda_function(name="credit_balance")(api_balance.credit_balance)
app.lambda_function(name="authorize_usage")(api_authorize.authorize_usage)
