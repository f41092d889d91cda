"""The application that the tests start as processes: ``faust -A tests.integration.transport_worker worker``."""

import json
import os

from tests.integration.transport_kit import FileHost, scoring_app, settings

GIVEN = json.loads(os.environ["TRANSPORT_TEST"])
app = scoring_app(
    settings(GIVEN["kafka"], GIVEN["group"], **GIVEN.get("settings", {})),
    GIVEN["topics"],
    FileHost(GIVEN["db"], GIVEN["name"]),
)
