"""The straight path through pages alone, with scripts switched off."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Instance, Tab, words
from tests.factories.world import PASSWORD

pytestmark = pytest.mark.browser


def test_a_need_is_posted_claimed_and_confirmed_without_scripts(
    instance: Instance, open_tab: Callable[..., Tab]
) -> None:
    owner, worker = instance.account("pageowner"), instance.account("pageworker")
    organisation = instance.organisation(owner, "Pages' Bakery")

    asking = open_tab(owner, java_script_enabled=False).page
    asking.goto(f"/needs/new?organisation={organisation['id']}")
    asking.get_by_label(words("page.ask.need_title")).fill("Make our oven calendar readable")
    asking.get_by_label(words("page.ask.body")).fill("Twelve **ovens**, one calendar.")
    asking.get_by_label(words("page.ask.hours")).fill("3")
    asking.get_by_label(words("page.ask.skills_unknown")).check()
    for question in ("data", "misuse", "avoidable"):
        asking.get_by_label(words(f"page.need.harm.{question}")).fill("nothing")
    asking.get_by_role("button", name=words("page.ask.publish")).click()
    expect(asking.get_by_role("heading", level=1)).to_contain_text("oven calendar")
    need_address = asking.url.partition("?")[0]

    finding = open_tab(java_script_enabled=False).page
    finding.goto("/needs")
    finding.get_by_role("link", name=re.compile("oven calendar")).first.click()
    finding.get_by_role("link", name=words("page.claim.button")).click()
    finding.get_by_label(words("page.account.handle")).fill("pageworker")
    finding.get_by_label(words("page.account.password")).fill(PASSWORD)
    finding.get_by_role("button", name=words("page.nav.sign_in")).click()
    assert finding.url.startswith(need_address)
    finding.get_by_role("button", name=words("page.claim.button")).click()

    asking.goto(f"/organisations/{organisation['id']}/claims")
    asking.get_by_role("button", name=words("page.claim.to.accepted")).click()
    finding.goto("/me/claims")
    finding.get_by_label(words("page.my_claims.hours")).fill("2")
    finding.get_by_role("button", name=words("page.my_claims.save_log")).click()
    finding.get_by_role("button", name=words("page.claim.to.submitted")).click()
    asking.goto(f"/organisations/{organisation['id']}/claims")
    asking.get_by_role("button", name=words("page.org_claims.confirm")).click()

    assert worker.get("/me/contributions")["total_minutes"] == 120
    asking.goto(need_address)
    assert worker.get(f"/needs/{need_address.rpartition('/')[2]}")["state"] == "done"
