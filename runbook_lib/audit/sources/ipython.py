"""IPython's own syntax as Python: `!ls` becomes a call of `get_ipython().system`, on the line where it stood."""

import re
from collections.abc import Sequence
from typing import Any

_MAY_BE_IPYTHON = re.compile(r"[!?]|^\s*%|=\s*%|^\s*(?:>>>|In \[)|\A\s+\S", re.MULTILINE)

_MOST_TOKENISED_LINES = 20_000
"""IPython tokenises the whole cell anew for each line of its own; a cell of 200 lines may hold 200 of them."""


def to_python(lines: Sequence[str]) -> list[str]:
    """Return the lines of a cell as IPython would compile them; as many lines as went in.

    IPython joins continued lines (9.18: `TransformerManager.do_token_transforms`); the loop is repeated here because
    only there is it known which lines a transformation swallowed. Text that is not IPython comes back as it is.
    """
    if not _MAY_BE_IPYTHON.search("\n".join(lines)):
        return list(lines)
    try:
        from IPython.core.inputtransformer2 import TransformerManager, make_tokens_by_line
    except ImportError:  # it comes with the extra `notebooks`; such a cell is then read as text
        return list(lines)

    manager: Any = TransformerManager()  # type: ignore[no-untyped-call] # IPython's is not annotated
    cell = [f"{line}\n" for line in lines]
    try:
        for transform in manager.cleanup_transforms:
            cleaned = transform(cell)
            cell = cleaned if len(cleaned) == len(cell) else cell
        for _ in range(_MOST_TOKENISED_LINES // max(len(cell), 1)):
            tokens = make_tokens_by_line(cell)
            found = [one for kind in manager.token_transformers if (one := kind.find(tokens))]
            if not found:
                break
            first = min(found, key=lambda one: (one.start_line, one.start_col, one.priority))
            shorter = first.transform(cell)
            behind = first.start_line + 1
            cell = [*shorter[:behind], *["\n"] * (len(cell) - len(shorter)), *shorter[behind:]]
    except (SyntaxError, ValueError, IndexError, RecursionError):
        pass  # what IPython cannot read is left as it stands; the parser says what is wrong
    return [line.removesuffix("\n") for line in cell]
