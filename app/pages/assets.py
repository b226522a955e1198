"""Our own files, kept by browsers for as long as their fingerprint stays."""

import os

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOR_EVER = "public, max-age=31536000, immutable"
FOR_A_WEEK = "public, max-age=604800"


class Assets(StaticFiles):
    """Files with the caching that their address allows."""

    def file_response(
        self,
        full_path: "str | os.PathLike[str]",
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """As StaticFiles, and for ever where the address holds the fingerprint."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        fingerprinted = scope.get("query_string", b"").startswith(b"v=")
        response.headers["Cache-Control"] = FOR_EVER if fingerprinted else FOR_A_WEEK
        return response
