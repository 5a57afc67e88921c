"""`python -m docling_service`: the models are made ready first, then the server starts."""

import logging
import sys

import uvicorn

from docling_service.app import create_app
from docling_service.settings import Settings
from runbook_lib import DoclingModelManager
from runbook_lib.errors import RunbookError

_LOG = logging.getLogger("docling_service")
_KEEP_ALIVE_S = 75
"""Longer than clients and load balancers keep an idle connection (60 s is usual), or they send into a closed one."""


def main() -> int:
    """Serve until told to stop; returns the runbook's exit code when the models are not there (75: try again later).

    Before the server, for uvicorn takes no signal while an app starts up, and a download can take an hour.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = Settings()
    try:
        DoclingModelManager(_LOG).ensure_models_downloaded(verify=True)
    except RunbookError as error:
        _LOG.critical("the service does not start: %s", error)
        return error.exit_code
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        timeout_graceful_shutdown=settings.stop_limit_s,
        timeout_keep_alive=_KEEP_ALIVE_S,
        server_header=False,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
