"""The other implementations: installed once for all test processes, each script started once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.interop.javascript import Script, UnavailableError, ensure_node, running_script


@pytest.fixture(scope="session")
def node() -> Path:
    """Node.js 22 with the packages beside it; without them these tests fail and say why."""
    try:
        return ensure_node()
    except UnavailableError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="module")
async def http_signatures(node: Path) -> AsyncIterator[Script]:
    """The npm package http-message-signatures."""
    async with running_script(node, "signatures.mjs") as script:
        yield script


@pytest.fixture(scope="module")
async def credentials(node: Path) -> AsyncIterator[Script]:
    """Digital Bazaar's verifier of credentials."""
    async with running_script(node, "credentials.mjs") as script:
        yield script
