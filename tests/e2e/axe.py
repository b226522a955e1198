"""axe-core, which judges a page as it stands in a browser by the rules of WCAG 2.2 AA.

Its source goes into a page before the page's own, by the browser's debugger: a policy that forbids
foreign scripts has no say in that, and so it stays as strict as people meet it.
"""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import ViewportSize

from tests.npm import UnavailableError, ensure_packages

FOLDER = Path(__file__).resolve().parent
SOURCE = FOLDER / "node_modules" / "axe-core" / "axe.min.js"
NARROW = ViewportSize(width=320, height=720)
WIDE = ViewportSize(width=1240, height=900)
# By the tags of the rules. No rule is switched off.
LAWS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
RUN = """
async (laws) => {
    const found = await axe.run(document, {
        runOnly: { type: "tag", values: laws },
        resultTypes: ["violations"],
    });
    const said = found.violations.flatMap((rule) =>
        rule.nodes.map((node) => {
            const why = [...node.any, ...node.all, ...node.none].map((check) => check.message);
            return `${rule.id}: ${node.target.join(" ")}: ${why.join("; ")} ${node.html.slice(0, 200)}`;
        }),
    );
    // WCAG 1.4.10: nothing but a table or a picture makes a page wider than its window.
    const wide = document.documentElement.scrollWidth;
    return wide > window.innerWidth ? [...said, `reflow: the page is ${wide} px wide`] : said;
}
"""  # noqa: E501 - a line of another language


@cache
def axe_source() -> str:
    """Return the source of axe-core; without it these tests fail and say why."""
    try:
        ensure_packages(FOLDER, "The tests of accessibility", "axe-core")
    except UnavailableError as error:
        why = str(error)
    else:
        return SOURCE.read_text("utf-8")
    pytest.fail(why, pytrace=False)


async def audit(page: Any) -> list[str]:
    """Return what is wrong with a page as it stands; its context began with `axe_source`."""
    found: list[str] = await page.evaluate(RUN, LAWS)
    return found
