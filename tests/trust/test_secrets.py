"""Secrets are in the one answer that shows them: not in a list, a log, a table, or the answer to a repeated request."""

import io

from tests.client import ApiClient
from tests.trust.conftest import contents


def test_a_secret_is_shown_once_and_kept_nowhere(client: ApiClient, written: io.StringIO) -> None:
    client.post("/v1/organizations", {"id": "acme", "name": "Acme"})
    repeatable = {"Idempotency-Key": "1"}
    body = {"name": "secret", "role": "read", "organization": "acme"}
    key = client.post("/v1/api-keys", body, headers=repeatable).json_body
    link = client.post("/v1/organizations/acme/portal-links", headers=repeatable).json_body["url"]
    secrets = [key["secret"], link.partition("#token=")[2], client.make_key("admin")]
    answers = [
        client.post("/v1/api-keys", body, headers=repeatable),
        client.post("/v1/organizations/acme/portal-links", headers=repeatable),
        client.get("/v1/api-keys"),
        *(client.as_holder_of(secret).get("/v1/session") for secret in secrets),
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 200, 200, 200, 200]
    shown = "".join(answer.body.decode() for answer in answers)
    for secret in secrets:
        for part in (secret, secret.rpartition("_")[2], secret.rpartition(".")[2]):
            assert part not in shown + written.getvalue() + contents()
    assert key["id"] in written.getvalue()


def test_no_refusal_repeats_or_logs_what_was_sent(client: ApiClient, written: io.StringIO) -> None:
    planted = "planted-4711"
    bearer = {"Authorization": f"Bearer {planted}"}
    answers = [
        client.post("/v1/api-keys", {"name": f"{planted}\x00", "role": planted, "organization": planted}),
        client.post("/v1/api-keys", {"name": planted, "role": "read", "organization": planted}),
        client.post("/v1/organizations", {"id": f"{planted}!", "name": 1, "email": planted, "timezone": planted}),
        client.post("/v1/meters", {"key": planted, "value": f"{planted}..", "aggregation": planted}),
        client.put("/v1/settings", {"late_limit_days": planted}),
        client.post("/v1/meters", f'{{"key": "{planted}'.encode()),
        client.get("/v1/organizations", cursor=planted),
        client.get(f"/v1/organizations/{planted}"),
        client.delete(f"/v1/api-keys/{planted}"),
        client.get("/v1/session", headers=bearer),
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 422, 400, 400, 404, 404, 401]
    assert planted not in "".join(answer.body.decode() for answer in answers)
    assert planted not in written.getvalue()
