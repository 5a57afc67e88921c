"""The common ground of all paths of the practice hub: counting, faults, tokens, the Hub's way of saying no."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, cast

from tornado.web import Finish, RequestHandler

from runbook_lib.core.practice_mark import HEADER, HEADER_VALUE
from runbook_lib.practice.counters import Tally
from runbook_lib.practice.fault_answers import play_answer
from runbook_lib.practice.faults import FaultScript
from runbook_lib.practice.repository import Commit, Repository

STALE_TOKEN = "stale"  # noqa: S105 - the word that makes the practice hub play an expired token
TRUE_WORDS = frozenset({"1", "true"})
"""How requests and httpx write a boolean, in lower case."""


@dataclass
class HubState:
    """What all handlers of one hub share."""

    repositories: Mapping[str, Repository]
    tally: Tally
    script: FaultScript
    bytes_per_s: int | None


class HubHandler(RequestHandler):
    """Base of the practice hub's handlers."""

    @property
    def hub(self) -> HubState:
        """The state of the hub this request came to."""
        return cast(HubState, self.settings["hub"])

    @property
    def base_url(self) -> str:
        """The hub's address as the client knows it."""
        return f"{self.request.protocol}://{self.request.host}"

    @property
    def token(self) -> str | None:
        """The bearer token, if one was sent."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" else None

    def set_default_headers(self) -> None:
        """Set what every answer bears."""
        self.clear_header("Server")
        self.set_header(HEADER, HEADER_VALUE)
        self.set_header("X-Request-Id", str(uuid.uuid4()))

    def compute_etag(self) -> None:
        """Add no ETag of tornado's own."""

    async def prepare(self) -> None:
        """Count the request, play the fault that is due, turn away the stale token."""
        self.hub.tally.add_request(self.request.path)
        fault = self.hub.script.take_answer(self.request.path)
        if fault is not None:
            await play_answer(self, fault)
            raise Finish
        if self.token == STALE_TOKEN:
            self.refuse(401, "Invalid credentials in Authorization header")

    def refuse(self, status: int, message: str, code: str | None = None) -> NoReturn:
        """Answer with an error as the Hub does.

        Raises:
            Finish: Always; ends the request.
        """
        self.set_status(status)
        self.set_header("X-Error-Message", message)
        if code is not None:
            self.set_header("X-Error-Code", code)
        self.answer({"error": message})
        raise Finish

    def answer(self, value: object) -> None:
        """Answer with a JSON document."""
        body = json.dumps(value).encode()
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Content-Length", str(len(body)))
        if self.request.method != "HEAD":
            self.write(body)
            self.hub.tally.add_body(self.request.path, len(body))

    def repository(self, repo_id: str) -> Repository:
        """Return the repository, or answer 404 RepoNotFound."""
        repository = self.hub.repositories.get(repo_id)
        if repository is None:
            self.refuse(404, "Repository not found", "RepoNotFound")
        return repository

    def commit(self, repository: Repository, revision: str) -> Commit:
        """Return the commit of a revision, or answer 404 RevisionNotFound."""
        commit = repository.resolve(revision)
        if commit is None:
            self.refuse(404, f"Invalid rev id: {_header_text(revision)}", "RevisionNotFound")
        self.set_header("X-Repo-Commit", commit.id)
        return commit

    def flag(self, name: str) -> bool:
        """Return a boolean of the query."""
        return self.get_query_argument(name, "false").lower() in TRUE_WORDS


def _header_text(text: str) -> str:
    """Return text from a URL in a form that is safe in a header."""
    return "".join(character if " " <= character <= "~" else "?" for character in text)
