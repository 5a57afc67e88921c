"""The containers that a compose file, a Kubernetes manifest or the values of a Helm chart start."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from runbook_lib.audit.parsers.variables import literal_of
from runbook_lib.audit.parsers.yaml_tree import YamlMapping, YamlNode, YamlScalar, YamlSequence, walk_yaml


class Volume(StrEnum):
    """What a mounted volume holds when the container starts for the first time."""

    EMPTY = "a volume that starts empty"
    NAMED = "a named volume"
    FILLED = "a claim, a bind mount or something else that may be filled"


@dataclass(frozen=True)
class Mount:
    """A place in a container where a volume stands."""

    path: str
    volume: Volume
    name: str
    line: int

    def covers(self, path: str) -> bool:
        """Tell whether a path of the container lies on this volume."""
        return path == self.path or path.startswith(f"{self.path.rstrip('/')}/")


@dataclass(frozen=True)
class Setting:
    """A value with its place; None where it is computed."""

    value: str | None
    line: int


@dataclass(frozen=True)
class Container:
    """One container; `text` is all that stands in it."""

    name: str
    image: str
    build: str
    line: int
    text: str
    variables: dict[str, Setting]
    mounts: tuple[Mount, ...]
    filled_elsewhere: frozenset[str]
    """Names of volumes that an init container or another service mounts as well."""
    runs_as_root: int | None
    """The line that says so."""
    is_privileged: int | None
    is_read_only: int | None

    def variable(self, name: str) -> str:
        """Return the literal value of an environment variable; empty if it is not set or computed."""
        found = self.variables.get(name)
        return (found.value or "") if found else ""


def find_containers(documents: Iterable[YamlNode]) -> Iterator[Container]:
    """Yield the services of compose files, the containers of pods, and what has an `image` in the values of a chart."""
    for document in documents:
        if not isinstance(document, YamlMapping):
            continue
        services = document.get("services")
        if isinstance(services, YamlMapping):
            yield from _compose(document, services)
        else:
            yield from _pods(document)


def _compose(document: YamlMapping, services: YamlMapping) -> Iterator[Container]:
    external = _external(document.get("volumes"))
    parsed = [(key.value, service) for key, service in services.pairs if isinstance(service, YamlMapping)]
    all_mounts = {name: tuple(_compose_mounts(service, external)) for name, service in parsed}
    for name, service in parsed:
        others = {one.name for other, mounts in all_mounts.items() if other != name for one in mounts}
        build = service.get("build")
        yield Container(
            name=name,
            image=service.text("image"),
            build=build.text("context") or "." if isinstance(build, YamlMapping) else _text(build),
            line=service.line,
            text=_all_text(service),
            variables=_variables(service.get("environment")),
            mounts=all_mounts[name],
            filled_elsewhere=frozenset(others - {""}),
            runs_as_root=_line_if(service.get("user"), _is_root),
            is_privileged=_line_if(service.get("privileged"), _is_true),
            is_read_only=_line_if(service.get("read_only"), _is_true),
        )


def _external(volumes: YamlNode | None) -> set[str]:
    pairs = volumes.pairs if isinstance(volumes, YamlMapping) else []
    return {key.value for key, value in pairs if isinstance(value, YamlMapping) and value.get("external")}


def _compose_mounts(service: YamlMapping, external: set[str]) -> Iterator[Mount]:
    for item in _items(service.get("volumes")):
        if isinstance(item, YamlScalar):
            source, colon, rest = item.value.partition(":")
            path = rest.partition(":")[0] if colon else source
            is_named = colon and source[:1].isalnum() and source not in external
            volume = Volume.NAMED if is_named else Volume.FILLED if colon else Volume.EMPTY
            yield Mount(path, volume, source if is_named else "", item.line)
        elif isinstance(item, YamlMapping):
            kinds = {"tmpfs": Volume.EMPTY, "volume": Volume.NAMED}
            source = item.text("source")
            volume = Volume.FILLED if source in external else kinds.get(item.text("type"), Volume.FILLED)
            yield Mount(item.text("target"), volume, source, item.line)
    for item in _items(service.get("tmpfs")):
        if isinstance(item, YamlScalar):
            yield Mount(item.value.partition(":")[0], Volume.EMPTY, "", item.line)


def _pods(document: YamlMapping) -> Iterator[Container]:
    persistent = tuple(_persistence(document.get("persistence")))
    found = set[int]()
    for node in walk_yaml([document]):
        if not isinstance(node, YamlMapping):
            continue
        containers = node.get("containers")
        if containers is not None:
            for name, container in _named(containers):
                found.add(id(container))
                yield _container(name, container, node, persistent)
    for node in walk_yaml([document]):
        if isinstance(node, YamlMapping) and id(node) not in found and _is_chart_values(node):
            yield _container(node.text("name"), node, node, persistent)


def _is_chart_values(node: YamlMapping) -> bool:
    image = node.get("image")
    return isinstance(image, YamlMapping) and bool(image.text("repository")) and bool(node.get("securityContext"))


def _named(containers: YamlNode) -> Iterator[tuple[str, YamlMapping]]:
    """Yield the containers of a list, or of a mapping as some charts have it."""
    if isinstance(containers, YamlMapping):
        yield from ((key.value, value) for key, value in containers.pairs if isinstance(value, YamlMapping))
    for item in _items(containers):
        if isinstance(item, YamlMapping):
            yield item.text("name"), item


def _container(name: str, node: YamlMapping, pod: YamlMapping, persistent: tuple[Mount, ...]) -> Container:
    image = node.get("image")
    empty = _empty_volumes(pod.get("volumes"))
    mounts = tuple(_pod_mounts(node, empty))
    inits = pod.get("initContainers")
    before = {one.name for _, init in (_named(inits) if inits else ()) for one in _pod_mounts(init, empty)}
    own, shared = node.get("securityContext"), pod.get("securityContext")
    contexts = [one for one in (own, shared) if isinstance(one, YamlMapping)]
    return Container(
        name=name,
        image=image.text("repository") if isinstance(image, YamlMapping) else _text(image),
        build="",
        line=node.line,
        text=_all_text(node),
        variables=_variables(node.get("env")),
        mounts=(*mounts, *persistent),
        filled_elsewhere=frozenset(before),
        runs_as_root=_first(contexts, "runAsUser", _is_root),
        is_privileged=_first(contexts, "privileged", _is_true),
        is_read_only=_first(contexts, "readOnlyRootFilesystem", _is_true),
    )


def _empty_volumes(volumes: YamlNode | None) -> set[str]:
    found = (item for item in _items(volumes) if isinstance(item, YamlMapping))
    return {item.text("name") for item in found if item.get("emptyDir") is not None}


def _pod_mounts(container: YamlMapping, empty: set[str]) -> Iterator[Mount]:
    for item in _items(container.get("volumeMounts")):
        if isinstance(item, YamlMapping):
            volume = Volume.EMPTY if item.text("name") in empty else Volume.FILLED
            yield Mount(item.text("mountPath"), volume, item.text("name"), item.line)


def _persistence(node: YamlNode | None) -> Iterator[Mount]:
    """Yield every path below a chart's `persistence`."""
    for found in walk_yaml([node] if node else []):
        if isinstance(found, YamlMapping):
            for key in ("path", "mountPath"):
                if found.text(key):
                    yield Mount(found.text(key), Volume.FILLED, "", found.line)


def _variables(node: YamlNode | None) -> dict[str, Setting]:
    """Return a mapping of variables: from a mapping, `NAME=value` items or Kubernetes' name and value."""
    found: dict[str, Setting] = {}
    for key, stated in node.pairs if isinstance(node, YamlMapping) else ():
        found[key.value] = Setting(literal_of(stated.value) if isinstance(stated, YamlScalar) else None, key.line)
    for item in _items(node):
        if isinstance(item, YamlScalar):
            name, equals, text = item.value.partition("=")
            found[name] = Setting(literal_of(text) if equals else None, item.line)
        elif isinstance(item, YamlMapping):
            value = item.get("value")
            literal = literal_of(value.value) if isinstance(value, YamlScalar) else None
            found[item.text("name")] = Setting(literal, item.line)
    return found


def _items(node: YamlNode | None) -> list[YamlNode]:
    return node.items if isinstance(node, YamlSequence) else []


def _text(node: YamlNode | None) -> str:
    return node.value if isinstance(node, YamlScalar) else ""


def _all_text(node: YamlNode) -> str:
    parts: list[str] = []
    for found in walk_yaml([node]):
        if isinstance(found, YamlScalar):
            parts.append(found.value)
        elif isinstance(found, YamlMapping):
            parts.extend(key.value for key, _ in found.pairs)
    return "\n".join(parts)


def _first(contexts: list[YamlMapping], key: str, test: Callable[[str], bool]) -> int | None:
    """Return the line of the first context that has the key, if the test holds for it: the inner one wins."""
    value = next((found for one in contexts if (found := one.get(key)) is not None), None)
    return _line_if(value, test)


def _line_if(node: YamlNode | None, test: Callable[[str], bool]) -> int | None:
    return node.line if isinstance(node, YamlScalar) and test(node.value) else None


def _is_root(value: str) -> bool:
    return value.partition(":")[0] in {"root", "0"}


def _is_true(value: str) -> bool:
    return value.lower() in {"true", "yes", "on"}
