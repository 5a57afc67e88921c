"""A YAML text as a tree that knows its lines and columns; nothing in it is constructed, so tags do no harm.

The tree is built from the parser's events and not by `yaml.compose`, whose recursion libyaml's binding (PyYAML 6.0.3)
pays with the process when a text is nested tens of thousands deep.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

_MOST_NESTED = 100
_MOST_NODES = 200_000


class YamlError(ValueError):
    """The text is not YAML: a template of Helm or Jinja, for instance."""


@dataclass(frozen=True, eq=False)
class YamlScalar:
    """A string, number or null as written, without quotes."""

    value: str
    line: int
    column: int
    last_line: int
    is_block: bool
    """Whether it is a literal or folded block, whose text begins on the line below."""


@dataclass(frozen=True, eq=False)
class YamlSequence:
    """A list."""

    line: int
    column: int
    items: list["YamlNode"] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class YamlMapping:
    """Keys that are scalars, with their values; merged mappings (`<<`) come after the mapping's own."""

    line: int
    column: int
    pairs: list[tuple[YamlScalar, "YamlNode"]] = field(default_factory=list)

    def get(self, *path: str) -> "YamlNode | None":
        """Return the value below a path of keys; of a repeated key the first."""
        node: YamlNode | None = self
        for key in path:
            if not isinstance(node, YamlMapping):
                return None
            node = next((value for name, value in node.with_merged() if name.value == key), None)
        return node

    def text(self, *path: str) -> str:
        """Return the scalar below a path of keys; empty if there is none."""
        node = self.get(*path)
        return node.value if isinstance(node, YamlScalar) else ""

    def with_merged(self) -> Iterator[tuple[YamlScalar, "YamlNode"]]:
        """Yield the pairs, then those of the mappings that `<<` merges in, one level deep."""
        yield from self.pairs
        for key, value in self.pairs:
            if key.value == "<<":
                for merged in value.items if isinstance(value, YamlSequence) else [value]:
                    if isinstance(merged, YamlMapping) and merged is not self:
                        yield from merged.pairs


YamlNode = YamlScalar | YamlSequence | YamlMapping


def parse_yaml(text: str) -> list[YamlNode]:
    """Return the documents of a text.

    Raises:
        YamlError: It is not YAML, or nested deeper or larger than any file written by hand.
    """
    import yaml

    builder = _Builder()
    try:
        for event in yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            builder.add(event)
    except (yaml.YAMLError, ValueError) as error:
        raise YamlError(type(error).__name__) from None
    return builder.documents


def walk_yaml(documents: Iterable[YamlNode]) -> Iterator[YamlNode]:
    """Yield every node once, aliased ones too, in no particular order."""
    waiting, seen = list(documents), set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, YamlSequence):
            waiting.extend(node.items)
        elif isinstance(node, YamlMapping):
            waiting.extend(value for _, value in node.pairs)


class _Builder:
    """Puts events together; `open` are the collections that have not ended, each with the key that waits in it."""

    def __init__(self) -> None:
        self.documents: list[YamlNode] = []
        self._open: list[tuple[YamlSequence | YamlMapping, list[YamlNode | None]]] = []
        self._anchors: dict[str, YamlNode] = {}
        self._nodes = 0

    def add(self, event: Any) -> None:  # noqa: ANN401 - any yaml.Event
        import yaml

        match event:
            case yaml.ScalarEvent():
                self._place(self._scalar(event), event.anchor)
            case yaml.AliasEvent():
                line, column = _start(event)
                empty = YamlScalar("", line, column, line, is_block=False)
                self._place(self._anchors.get(event.anchor or "", empty), None)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                made = YamlSequence if isinstance(event, yaml.SequenceStartEvent) else YamlMapping
                node = made(*_start(event))
                self._place(node, event.anchor)
                self._open.append((node, [None]))
                if len(self._open) > _MOST_NESTED:
                    raise ValueError("nested too deep")
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._open.pop()

    def _scalar(self, event: Any) -> YamlScalar:  # noqa: ANN401 - a yaml.ScalarEvent; yaml is imported late
        line, column = _start(event)
        is_block, end = event.style in {"|", ">"}, event.end_mark
        last = max(end.line if is_block and end.column == 0 else end.line + 1, line)
        return YamlScalar(event.value, line, column, last, is_block)

    def _place(self, node: "YamlNode", anchor: str | None) -> None:
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise ValueError("too many nodes")
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self.documents.append(node)
            return
        holder, waiting = self._open[-1]
        if isinstance(holder, YamlSequence):
            holder.items.append(node)
        elif waiting[0] is None:
            waiting[0] = node
        else:
            key, waiting[0] = waiting[0], None
            if isinstance(key, YamlScalar):
                holder.pairs.append((key, node))


def _start(event: Any) -> tuple[int, int]:  # noqa: ANN401 - any yaml.Event
    return event.start_mark.line + 1, event.start_mark.column + 1
