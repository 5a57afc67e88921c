"""The paths of the practice hub, as tornado request handlers."""

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from tornado.web import RequestHandler

from runbook_lib.practice import protocol
from runbook_lib.practice.hub_handler import TRUE_WORDS, HubHandler
from runbook_lib.practice.repository import Commit, RepositoryFile
from runbook_lib.practice.transfer import send_file

TREE_PAGE_ENTRIES = 1000


class _Root(HubHandler):
    """Says what this server is."""

    def get(self) -> None:
        self.answer({"service": "docling-runbook practice hub", "repositories": sorted(self.hub.repositories)})

    head = get


class _WhoAmI(HubHandler):
    """Accepts any token but the stale one."""

    def get(self) -> None:
        if self.token is None:
            self.refuse(401, "Invalid username or password.")
        self.answer(protocol.user())

    head = get


class _ModelInfo(HubHandler):
    """Answers HEAD, too: a caching mirror (olah) asks so whether a repository exists."""

    def get(self, repo_id: str, revision: str = "main") -> None:
        repository = self.repository(repo_id)
        commit = self.commit(repository, revision)
        expand = frozenset(self.get_query_arguments("expand"))
        self.answer(protocol.model_info(repository, commit, blobs=self.flag("blobs"), expand=expand))

    head = get


class _Tree(HubHandler):
    """Lists a folder in pages, linked by a Link header."""

    def get(self, repo_id: str, revision: str, folder: str | None = None) -> None:
        repository = self.repository(repo_id)
        commit = self.commit(repository, revision)
        recursive, expand = self.flag("recursive"), self.flag("expand")
        entries = protocol.tree(repository, commit, (folder or "").strip("/"), recursive=recursive, expand=expand)
        if entries is None:
            self.refuse(404, "Entry not found", "EntryNotFound")
        self._answer_page(entries)

    head = get

    def _answer_page(self, entries: Sequence[protocol.Json]) -> None:
        cursor = self.get_query_argument("cursor", "0")
        start = int(cursor) if cursor.isascii() and cursor.isdigit() else 0
        stop = start + TREE_PAGE_ENTRIES
        if stop < len(entries):
            query = {"recursive": self.flag("recursive"), "expand": self.flag("expand"), "cursor": stop}
            self.set_header("Link", f'<{self.base_url}{self.request.path}?{urlencode(query)}>; rel="next"')
        self.answer(entries[start:stop])


class _PathsInfo(HubHandler):
    """Leaves out the paths that do not exist, as the Hub does."""

    def post(self, repo_id: str, revision: str) -> None:
        repository = self.repository(repo_id)
        commit = self.commit(repository, revision)
        expand = self.get_body_argument("expand", "false").lower() in TRUE_WORDS
        paths = self.get_body_arguments("paths")
        self.answer(list(protocol.paths_info(repository, commit, paths, expand=expand)))


class _Refs(HubHandler):
    def get(self, repo_id: str) -> None:
        self.answer(protocol.refs(self.repository(repo_id)))

    head = get


class _File(HubHandler):
    def locate(self, repo_id: str, revision: str, path: str) -> tuple[Commit, RepositoryFile]:
        """Return the file and set the headers that describe it, or answer 404 EntryNotFound."""
        commit = self.commit(self.repository(repo_id), revision)
        file = commit.by_path.get(path)
        if file is None:
            self.refuse(404, "Entry not found", "EntryNotFound")
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("ETag", f'"{file.etag}"')
        if file.lfs:
            self.set_header("X-Linked-Size", str(file.size_bytes))
            self.set_header("X-Linked-Etag", f'"{file.etag}"')
        return commit, file


class _Resolve(_File):
    """Serves a file of a revision; for an LFS file it only shows the way.

    The real Hub redirects LFS files to another host, and clients read the metadata off the redirect. Here the target is
    on the same host, and newer clients (huggingface_hub 1.33) follow that; so the target bears the same metadata.
    """

    async def get(self, repo_id: str, revision: str, path: str) -> None:
        commit, file = self.locate(repo_id, revision, path)
        if file.lfs:
            self.redirect(f"{self.base_url}/lfs/{repo_id}/{commit.id}/{file.etag}/{quote(path)}")
        else:
            await send_file(self, file)

    head = get


class _Lfs(_File):
    async def get(self, repo_id: str, commit_id: str, sha256: str, path: str) -> None:
        _, file = self.locate(repo_id, commit_id, path)
        if file.etag != sha256:
            self.refuse(404, "Entry not found", "EntryNotFound")
        await send_file(self, file)

    head = get


class _Unknown(HubHandler):
    def get(self) -> None:
        self.refuse(404, "The practice hub does not serve this path.")

    head = post = put = delete = patch = get


_REPO = r"([^/]+/[^/]+)"
_REVISION = r"([^/]+)"
_MODEL = rf"/api/models/{_REPO}"

ROUTES: list[tuple[str, type[RequestHandler]]] = [
    (r"/", _Root),
    (r"/api/whoami-v2", _WhoAmI),
    (_MODEL, _ModelInfo),
    (rf"{_MODEL}/revision/{_REVISION}", _ModelInfo),
    (rf"{_MODEL}/tree/{_REVISION}(?:/(.*))?", _Tree),
    (rf"{_MODEL}/paths-info/{_REVISION}", _PathsInfo),
    (rf"{_MODEL}/refs", _Refs),
    (rf"/lfs/{_REPO}/([0-9a-f]{{40}})/([0-9a-f]{{64}})/(.+)", _Lfs),
    (rf"/{_REPO}/resolve/{_REVISION}/(.+)", _Resolve),
    (r".*", _Unknown),
]
