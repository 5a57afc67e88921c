"""Secrets are starred out before anything is shown or stored; in a log lengths stay, so that positions hold."""

import re
from typing import Final

HUB_TOKEN = re.compile(r"(?<![A-Za-z0-9_])(?:hf_|api_org_)[A-Za-z0-9]{30,200}(?![A-Za-z0-9_])")
"""User tokens are `hf_` and 34 letters or digits; `api_org_` is the older form of an organisation's token."""

_URL_CREDENTIALS = re.compile(r"(?<=\w\w:/)/?\S*@(?!sha256:)")
_SHAPED: Final = r"""
      \b(?:hf|api_org|ghp|gho|ghs)_(?!(?:endpoint|generate|processor|quantizer|tokenizer|transfer)(?![A-Za-z0-9]))
      (?P<token>[A-Za-z0-9]{8,400})
    | \b(?:github_pat_|glpat-|xox[abp]-)(?P<long_token>[A-Za-z0-9_-]{12,400})
    | (?i:authorization)["']?\ {0,4}[:=]\ {0,4}["']?\w{0,20}\ {0,4}(?P<header>[^\s"',;}]{4,4000})
    | (?i:bearer|basic)\ {1,4}(?P<scheme>[A-Za-z0-9._~+/=-]{12,4000})
    | (?<=\w\w):/{1,2}[^\s/:@"'<>]{0,200}:(?P<password>(?!\d{1,5}(?:[/?\#\s]|$))[^\s"'<>]{1,200})@
    | (?<=\w\w):/{1,2}(?P<user>[^\s/@?\#"'<>]{1,400})@
    | [?&;][\w.-]{0,40}(?i:token|key|secret|sig|signature|passw(?:or)?d|pwd|auth|credential)[\w.-]{0,40}=
      (?P<query>[^\s&\#"'<>]{1,4000})
    | \beyJ(?P<jwt>[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_.-]{10,4000})
    | \b(?:AKIA|ASIA)(?P<aws>[A-Z0-9]{16})\b
    """
"""A few words after `hf_` are names: the package hf_transfer, and what tracebacks of transformers say."""
_NAMED: Final = r"""
    | (?i:token|passw(?:or)?d|pwd|secret|api[_-]?key|signature|x-amz-credential)["']?\ {0,4}[=:]\ {0,4}["']?
      (?P<value>[^\s"'&,;)}\]]{6,4000})
    """
_SECRET = re.compile(_SHAPED + _NAMED, re.VERBOSE)
_SURE_SECRET = re.compile(_SHAPED, re.VERBOSE)


def mask_secrets(text: str) -> str:
    """Replace tokens, authorization headers, credentials in URLs and what stands after `token=` by as many stars."""
    return _SECRET.sub(_starred, text)


def mask_known(text: str) -> str:
    """Replace what is a secret by its form or its place in a URL; sentences of ours that name a token stay whole."""
    return _SURE_SECRET.sub(_starred, text)


def mask_url_credentials(text: str) -> str:
    """Hide what an address may carry: `user:password@` or a token alone before the host, secrets in the query."""
    return mask_known(_URL_CREDENTIALS.sub("/***@", text))


def _starred(match: re.Match[str]) -> str:
    name = match.lastgroup
    if name is None:  # every alternative names its secret
        return "*" * len(match.group())
    start, end = match.start(name) - match.start(), match.end(name) - match.start()
    whole = match.group()
    return f"{whole[:start]}{'*' * (end - start)}{whole[end:]}"
