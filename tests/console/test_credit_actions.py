"""What an operator does with credit: each action through its dialog, on the real server."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.console.conftest import OpenPage
from tests.console.console_page import ConsolePage
from tests.console.credit_answers import LONG_NAME
from tests.console.credit_story import give, publish_plan
from tests.local.running import Running

PLAN = "credit-acts"


@pytest.fixture(scope="module")
def plan(server: Running) -> str:
    """Publish the plan that the organizations of these tests are subscribed to."""
    publish_plan(server, PLAN)
    return PLAN


class Acting:
    """An organization, and an operator who looks at its credit."""

    def __init__(self, console: ConsolePage, server: Running, name: str) -> None:
        self.console, self.page, self.server, self.name = console, console.page, server, name
        self.path = f"/v1/organizations/{name}/credits"

    def look(self) -> None:
        """Open the tab."""
        self.console.credential = self.server.ready["admin_key"]
        self.console.open(org=self.name, view="credits")

    def press(self, name: str) -> None:
        """Press a button of the page or of its dialog."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def fill(self, **fields: str) -> None:
        """Fill fields of the dialog, named by the last part of their pointer."""
        for name, value in fields.items():
            self.page.locator(f"dialog [id$='-{name}']").fill(value)

    def choose(self, label: str, value: str) -> None:
        """Choose an option of the dialog."""
        self.page.locator("dialog").get_by_label(label).select_option(value)

    def send(self, name: str) -> None:
        """Press the button that sends, and wait until the dialog has gone."""
        self.page.locator("dialog button[type=submit]", has_text=name).click()
        self.page.locator("dialog").wait_for(state="detached")

    def refused(self, name: str) -> dict[str, str]:
        """Press the button that sends, and read what is wrong by field."""
        self.page.locator("dialog button[type=submit]", has_text=name).click()
        self.page.locator("dialog [aria-invalid=true], dialog .refusal").first.wait_for()
        faulty = self.page.locator("dialog .field.faulty")
        found = {
            str(field.locator("label").text_content()).removesuffix(" *"): field.locator(".fault").inner_text()
            for field in faulty.all()
        }
        self.console.check()
        return found

    def effect(self) -> str:
        """Read what the dialog says it will do."""
        return " ".join(self.page.locator("dialog .effect").inner_text().split())

    def grants(self) -> list[Any]:
        """List the grants as the API does."""
        listed: list[Any] = self.server.get(f"{self.path}/grants")["data"]
        return listed


@pytest.fixture
def acting(request: pytest.FixtureRequest, open_page: OpenPage, server: Running, plan: str) -> Iterator[Acting]:
    """Open an organization of the test's own."""
    name = f"acts{sum(map(ord, request.node.name))}"
    server.post("/v1/organizations", {"id": name, "name": f"{name} Ltd", "timezone": "America/New_York"})
    server.post(f"/v1/organizations/{name}/subscriptions", {"plan": plan, "start": "2026-01-01T00:00:00Z"})
    one = Acting(open_page(), server, name)
    yield one
    one.console.hear_nothing()


def test_an_operator_gives_credit(acting: Acting) -> None:
    acting.look()
    acting.console.see("Give some with the button above.")
    acting.press("Give credit")
    acting.fill(name="Pack", amount="1234.50", expires_at="2026-06-30T22:00", priority="7", cost_basis="0.85")
    acting.choose("Pays", "Named charges only")
    acting.fill(applies_to="training, inference")
    acting.choose("Comes", "Every month")
    acting.fill(count="3")
    told = acting.effect()
    assert f"Gives {acting.name} Ltd $1,234.50 of credit from now on until 30 Jun 2026, 18:00, and again" in told
    assert "every month" in told
    acting.console.check()
    acting.send("Give credit")
    acting.console.see("every month, 3 times in all")
    [grant] = acting.grants()
    wanted = {
        "name": "Pack",
        "amount": "1234.50",
        "expires_at": "2026-06-30T22:00:00Z",
        "priority": 7,
        "cost_basis": "0.85",
        "applies_to": {"charges": ["inference", "training"]},
        "recurrence": {"every": "month", "count": 3},
    }
    assert {name: grant[name] for name in wanted} == wanted
    assert ("1234.50", "$1,234.50") in acting.console.figures(".grant")
    assert ("1234.50", "$1,234.50") in acting.console.figures(".credit-figures .main")


def test_an_operator_gives_credit_that_begins_later_and_pays_everything(acting: Acting) -> None:
    acting.look()
    acting.press("Give credit")
    acting.fill(name="Later", amount="10", effective_at="2026-02-01T05:00")
    acting.choose("Pays", "All charges, also recurring ones")
    assert "$10 of credit from 1 Feb 2026, 00:00, without an end." in acting.effect()
    acting.send("Give credit")
    acting.page.locator(".grant .badge", has_text="Scheduled").wait_for()
    [grant] = acting.grants()
    assert (grant["applies_to"], grant["effective_at"]) == ("all", "2026-02-01T05:00:00Z")
    assert (grant["expires_at"], grant["recurrence"], grant["priority"]) == (None, None, 50)


def test_a_grant_that_cannot_be_is_refused_field_by_field(acting: Acting) -> None:
    acting.look()
    acting.press("Give credit")
    assert acting.refused("Give credit") == {"Name": "Name is required", "Amount (USD)": "Amount (USD) is required"}
    acting.fill(name="Bad", amount="-5", priority="first", cost_basis="x")
    acting.choose("Comes", "Every year")
    acting.fill(count="0")
    found = acting.refused("Give credit")
    assert set(found) == {"Amount (USD)", "Priority", "Cost basis", "How often in all"}
    assert found["Amount (USD)"] == "Amount (USD) must be more than 0"
    assert found["Priority"] == "Priority must be a whole number"
    acting.choose("Comes", "Once")
    acting.fill(amount="1.001", priority="50", cost_basis="0", expires_at="2026-01-01T00:00")
    found = acting.refused("Give credit")
    assert found["Amount (USD)"].endswith("must have at most 2 digits after the point")
    assert "must lie after effective_at" in found["Expires (UTC)"]
    assert acting.grants() == []
    acting.press("Cancel")
    assert acting.page.locator("dialog").count() == 0


def test_an_operator_voids_a_grant(acting: Acting) -> None:
    give(acting.server, acting.path, LONG_NAME, "40")
    acting.look()
    acting.press("Void")
    assert f"Takes back what remains of {LONG_NAME}: $40.00." in acting.effect()
    assert "This cannot be undone." in acting.effect()
    assert acting.refused("Void the grant") == {"Reason": "Reason is required"}
    acting.fill(reason="was for <b>another</b> one")
    acting.send("Void the grant")
    acting.page.locator(".grant .badge", has_text="Voided").wait_for()
    [grant] = acting.grants()
    assert (grant["status"], grant["voided"]) == ("voided", "40.00")
    acting.page.locator(".entries .note", has_text="was for <b>another</b> one").wait_for()
    assert acting.page.get_by_role("button", name="Void", exact=True).count() == 0
    assert acting.page.get_by_role("button", name="Change expiry").count() == 0


def test_what_cannot_be_voided_is_refused_in_words(acting: Acting) -> None:
    grant = give(acting.server, acting.path, "Gone", "40")
    acting.look()
    acting.press("Void")
    acting.server.post(f"{acting.path}/grants/{grant['id']}/void", {"reason": "sooner"})
    acting.fill(reason="too late")
    assert acting.refused("Void the grant") == {}
    acting.page.locator("dialog .refusal", has_text="Nothing remains of this grant.").wait_for()


def test_an_operator_changes_an_expiry(acting: Acting) -> None:
    give(acting.server, acting.path, "Pack", "40", expires_at="2026-03-01T05:00:00Z")
    acting.look()
    acting.press("Change expiry")
    assert acting.page.locator("dialog input").input_value() == "2026-03-01T05:00"
    acting.fill(expires_at="2026-01-19T00:00")
    assert acting.refused("Change the expiry") == {"Expires (UTC)": "Expires (UTC) must not lie in the past"}
    acting.fill(expires_at="2026-05-01T04:00")
    told = acting.effect()
    assert "Lets Pack expire on 1 May 2026, 00:00 instead of on 1 Mar 2026, 00:00 (America/New_York)." in told
    assert "$40.00 remains of it now." in told
    acting.send("Change the expiry")
    acting.page.locator('.grant time[datetime="2026-05-01T04:00:00Z"]').wait_for()
    assert acting.grants()[0]["expires_at"] == "2026-05-01T04:00:00Z"
    acting.press("Change expiry")
    acting.fill(expires_at="")
    assert "Lets Pack expire never instead of on 1 May 2026" in acting.effect()
    acting.send("Change the expiry")
    acting.page.locator(".grant", has_text="no end").wait_for()
    assert acting.grants()[0]["expires_at"] is None


def test_an_operator_puts_credit_aside_and_releases_it(acting: Acting) -> None:
    give(acting.server, acting.path, "Pack", "40")
    acting.look()
    acting.console.see("No open holds")
    acting.press("Put credit aside")
    assert acting.refused("Put aside") == {
        "Amount (USD)": "Amount (USD) is required",
        "Reference": "Reference is required",
    }
    acting.fill(amount="15.25", expires_in="2678401", reference="job 1")
    assert set(acting.refused("Put aside")) == {"Lasts (seconds)"}
    acting.fill(amount="40.01", expires_in="7200")
    assert acting.refused("Put aside") == {}
    acting.page.locator("dialog .refusal", has_text="40.01 is to be held, and 40.00 can be.").wait_for()
    acting.fill(amount="15.25")
    assert "Puts $15.25 of the credit that remains aside until 20 Jan 2026, 09:00" in acting.effect()
    acting.send("Put aside")
    acting.page.locator(".holds", has_text="$15.25 for job 1").wait_for()
    acting.page.locator('.credit-figures data[value="15.25"]').wait_for()
    assert acting.server.get(acting.path)["held"] == "15.25"
    acting.press("Release")
    assert "Gives $15.25 back that is held for job 1." in acting.effect()
    acting.send("Release")
    acting.console.see("No open holds")
    assert acting.server.get(acting.path)["held"] == "0.00"


def test_another_organization_has_the_credit_of_its_own(acting: Acting, server: Running) -> None:
    other = f"{acting.name}-other"
    server.post("/v1/organizations", {"id": other, "name": "Other"})
    give(acting.server, acting.path, "Mine", "40")
    give(acting.server, f"/v1/organizations/{other}/credits", "Theirs", "3")
    acting.look()
    acting.console.see("Mine")
    acting.console.open(org=other, view="credits")
    acting.console.see("Theirs")
    assert acting.page.get_by_text("Mine").count() == 0
    assert {value for value, _ in acting.console.figures(".grant")} == {"3.00", "0.00"}
