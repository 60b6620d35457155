import re
from datetime import timedelta
from typing import Any

import jwt
import pytest
import time_machine

from chalicelib.platform import auth
from chalicelib.platform.http import ADMIN, READ
from chalicelib.platform.keys import Role, hash_of, make_key, read_key_id
from chalicelib.platform.portal import issue_portal_token, read_portal_token
from chalicelib.platform.settings import settings
from chalicelib.shared.clock import Clock
from chalicelib.shared.time import EPOCH
from tests.conftest import NOON
from tests.platform.shop import Sent, Shop

SESSION = "/v1/session"


def test_a_key_names_its_role_and_id_and_checks_itself() -> None:
    made = make_key(Role.INGEST, "key_0123456789abcdefghjk")
    assert re.fullmatch(r"mf_ingest_0123456789abcdefghjk_[0-9A-Za-z]{36}", made.secret)
    assert read_key_id(made.secret) == made.id
    assert made.hash == hash_of(made.secret)
    assert made.secret not in repr(made)
    assert made.hash not in repr(made)
    assert make_key(Role.INGEST, made.id).secret != made.secret


def test_every_changed_character_breaks_the_checksum() -> None:
    key = make_key(Role.READ, "key_0123456789abcdefghjk").secret
    for place in range(len(key)):
        for char in "0aZ":
            changed = key[:place] + char + key[place + 1 :]
            assert changed == key or read_key_id(changed) is None


def refused(shop: Shop, **more: Any) -> Sent:
    sent = shop("GET", SESSION, **more)
    assert sent.status == 401
    return sent


def test_all_bad_credentials_get_one_and_the_same_answer(shop: Shop) -> None:
    revoked = shop.issue(READ)
    del shop.keys[revoked.id]
    known = shop.issue(READ)
    forged = make_key(Role.READ, known.id).secret
    unknown = make_key(Role.ADMIN, "key_0123456789abcdefghjk").secret
    answers = [
        refused(shop, key=None),
        refused(shop, key=""),
        refused(shop, key=revoked.secret),
        refused(shop, key=forged),
        refused(shop, key=unknown),
        refused(shop, key=unknown[:-1]),
        refused(shop, key="mf_admin_"),
        refused(shop, key="ключ"),
        refused(shop, key="a.b.c"),
        refused(shop, key=None, headers={"authorization": "Basic YTpi"}),
        refused(shop, key=None, headers={"authorization": known.secret}),
    ]
    assert len({(sent.body, tuple(sorted(sent.headers.items()))) for sent in answers}) == 1
    assert answers[0].headers["WWW-Authenticate"] == "Bearer"
    assert shop("GET", SESSION, key=known.secret).status == 200


def test_the_scheme_is_matched_whatever_its_case(shop: Shop) -> None:
    assert shop("GET", SESSION, key=None, headers={"Authorization": f"bearer {shop.admin}"}).status == 200


def test_a_key_without_a_checksum_costs_no_read(shop: Shop) -> None:
    shop("GET", SESSION, key=shop.admin[:-1] + ("0" if shop.admin[-1] != "0" else "1"))
    assert shop.reads == 0


def test_a_key_is_remembered_for_ten_real_seconds_at_most(shop: Shop, clock: Clock) -> None:
    made = shop.issue(READ)
    with time_machine.travel("2026-05-01T00:00:00Z", tick=False) as traveller:
        assert shop("GET", SESSION, key=made.secret).status == 200
        del shop.keys[made.id]
        traveller.shift(timedelta(seconds=9, milliseconds=999))
        assert shop("GET", SESSION, key=made.secret).status == 200
        assert shop.reads == 1
        traveller.shift(timedelta(milliseconds=1))
        assert shop("GET", SESSION, key=made.secret).status == 401


def test_a_forgotten_key_ends_at_once(shop: Shop) -> None:
    made = shop.issue(READ)
    assert shop("GET", SESSION, key=made.secret).status == 200
    del shop.keys[made.id]
    auth.forget_key(made.id)
    assert shop("GET", SESSION, key=made.secret).status == 401


def test_an_unknown_key_is_not_remembered(shop: Shop) -> None:
    made = shop.issue(READ)
    stored = shop.keys.pop(made.id)
    assert shop("GET", SESSION, key=made.secret).status == 401
    shop.keys[made.id] = stored
    assert shop("GET", SESSION, key=made.secret).status == 200


def claims(**more: Any) -> dict[str, Any]:
    made, _ = issue_portal_token("acme", name="Ann", now=NOON, expires_in_s=3600)
    changed = jwt.decode(made, options={"verify_signature": False}) | more
    return {name: value for name, value in changed.items() if value != ""}


def token(**more: Any) -> str:
    return jwt.encode(claims(**more), settings.signing_key("portal"))


def test_a_portal_token_reads_one_organization(shop: Shop, clock: Clock) -> None:
    made, ends = issue_portal_token("acme", name="Ann", now=NOON, expires_in_s=3600)
    assert ends == NOON + timedelta(hours=1)
    assert shop("GET", SESSION, key=made).json["role"] == "read"
    assert shop("GET", "/v1/organizations/acme/boxes", key=made).status == 200
    assert shop("GET", "/v1/organizations/other/boxes", key=made).status == 404
    assert shop("GET", "/v1/global", key=made).status == 403
    assert shop("POST", "/v1/organizations/acme/boxes", {"key": "a"}, key=made).status == 403


def test_a_portal_token_ends_at_its_instant() -> None:
    made, ends = issue_portal_token("acme", name=None, now=NOON, expires_in_s=24 * 3600)
    read = read_portal_token(made, ends - timedelta(microseconds=1))
    assert read is not None
    assert (read.organization, read.name, read.expires_at) == ("acme", None, ends)
    assert read_portal_token(made, ends) is None


ISSUED = (NOON - EPOCH) // timedelta(seconds=1)


@pytest.mark.parametrize(
    "made",
    [
        token(exp=ISSUED + 24 * 3600 + 1),
        token(exp=ISSUED - 1),
        token(iat=ISSUED + 3600, exp=ISSUED + 7200),
        token(aud="cursor"),
        token(aud=""),
        token(sub=""),
        token(jti=""),
        token(iat=""),
        token(exp=""),
        token(sub="x" * 3000),
        jwt.encode({"sub": "acme"}, "another key that is long enough to sign with"),
        jwt.encode(claims(), "", algorithm="none"),
        jwt.encode(claims(), settings.signing_key("portal") * 2, "HS512"),
        jwt.encode(claims(), settings.signing_key("cursor") * 2),
        token()[:-2],
        "..",
        "a.b.c",
    ],
)
def test_a_token_that_was_not_made_here_is_refused(shop: Shop, clock: Clock, made: str) -> None:
    assert read_portal_token(token(), NOON) is not None
    assert read_portal_token(made, NOON) is None
    refused(shop, key=made)


def test_admin_includes_the_other_roles_which_exclude_each_other() -> None:
    def has(role: Role) -> list[Role]:
        caller = auth.Caller("key_1", role, None, None)
        return [each for each in Role if caller.has(each)]

    assert has(ADMIN) == [Role.ADMIN, Role.INGEST, Role.READ]
    assert has(READ) == [Role.READ]
    assert has(Role.INGEST) == [Role.INGEST]
