"""What never stands in a log, an answer or a message: credentials and the addresses of database and broker."""

import math
import re
from typing import Any

from config.foreign import described

REDACTED = "[redacted]"
DEEPEST = 8
"""Levels of lists and dictionaries that are looked into; what lies deeper is looked at as text."""

_SECRET_KEYS = re.compile(r"(?i)(authorization|token|secret|password|api_?key|cipher|signature|verifier|^code$|cookie)")
_PLAIN_KEYS = frozenset({"sync_token", "token_expires_at", "token_source", "synctoken"})

_PATTERNS = (
    # A database's or a broker's address, as a URL and as psycopg shows a connection.
    re.compile(r"(?i)\b(?:postgres(?:ql)?|sqlite|amqps?)(?:\+\w+)?://[\w\[%/][^\s\"',]*"),
    re.compile(r"(?<=\()(?:host|hostaddr|port|user|dbname|database)=[^)]{0,500}(?=\))"),
    re.compile(r"(?i)\b(?:(?:proxy-)?authorization|(?:set-)?cookie)\s*[:=]\s*[^\r\n\"']+"),
    re.compile(r"(?i)\b(bearer|basic)(?:\s|\+|%(?:25)*20)+[a-z0-9._~+/=%-]{8,}"),
    re.compile(r"whsec_[A-Za-z0-9+/=]+"),
    re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9._-]*"),
    # The gateway's 401 repeats the whole access token after these words.
    re.compile(r"(?i)(?<=token expired: )\S+"),
    re.compile(r"(?i)(?<=token invalid: )\S+"),
    re.compile(r"(?<=://)[^/@\s:]+:[^/@\s]+(?=@)"),
)

# A key and its value inside a text, as JSON, repr() and URL encoding write them, also one inside the other: quotes
# behind any number of backslashes, signs as %22, %2522 and so on.
_LONGEST = 40
_CREDENTIAL = 16
"""Signs that a bare value has at least, to be taken for a credential and not for a word."""
_QUOTE = r"(?:\\*[\"']|%(?:25)*2[27])"
_GAP = r"(?:[\s+]|\\+[nrt]|%(?:25)*(?:20|0[9ad]))*"
_KEY = re.compile(
    r"(?is)(?P<core>authorization|token|secret|passw(?:or)?d|api[_-]?key|cipher|signature|verifier|cookie|code)"
    rf"(?P<rest>[a-z0-9_-]{{0,{_LONGEST}}})(?P<sign>{_QUOTE}?{_GAP}(?::|=>?|%(?:25)*3[ad]){_GAP})"
)
_VALUE = re.compile(
    r"""(?isx)
    (?P<open>b?(?P<escape>\\*)(?P<quote>["'])).*?(?P<close>(?<!\\)(?P=escape)(?P=quote)|\Z)
    | [\[{](?!redacted\]).*  # a list or a dictionary: all that follows
    | (?P<bare>[^&\s"'\\]+)
    """
)
_WORDS = ("token", "signature", "verifier", "cipher")
_BEFORE = re.compile(r"[A-Za-z0-9_-]*\Z")
_PLAIN_KEY = re.compile(rf"(?i)(?:%(?:25)*[0-9a-f]{{2}})?(?:{'|'.join(_PLAIN_KEYS)})")
_IN_A_QUERY = re.compile(r"(?i)=|%(?:25)*3d")


def redact_text(text: str) -> str:
    """`text` without anything that looks like a credential."""
    for pattern in _PATTERNS:
        text = pattern.sub(REDACTED, text)
    pieces, done = [], 0
    for key in _KEY.finditer(text):
        value = _VALUE.match(text, key.end())
        if key.start() < done or value is None or _is_harmless(key, value):
            continue
        pieces += [text[done : key.end()], value["open"] or "", REDACTED, value["close"] or ""]
        done = value.end()
    return "".join([*pieces, text[done:]])


def _is_harmless(key: re.Match[str], value: re.Match[str]) -> bool:
    before = _BEFORE.search(key.string, max(0, key.start() - _LONGEST), key.start())
    head = before.group() if before else ""
    if key.string[: key.start() - len(head)].endswith("%"):
        head = f"%{head}"
    if _PLAIN_KEY.fullmatch(head + key["core"] + key["rest"]):
        return True
    alone = key["rest"] in ("", "s") and (not head or head.startswith("%"))
    if key["core"].lower() == "code":
        # Only OAuth's, in a query: a fault's code is what everybody needs.
        return not (alone and _IN_A_QUERY.search(key["sign"]))
    # "QuickBooks refused a token: invalid_grant" is a sentence.
    is_word = key["core"].lower() in _WORDS
    return is_word and alone and key["sign"].strip() == ":" and len(value["bare"] or "") in range(1, _CREDENTIAL)


def redact(value: Any, key: str = "", depth: int = 0) -> Any:
    """`value` without secrets, of types that JSON has: whole values under telling keys, credentials inside any text."""
    if key and key.lower() not in _PLAIN_KEYS and _SECRET_KEYS.search(key) and not isinstance(value, bool | int):
        return REDACTED if value else value
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes):
        return redact_text(value.decode("utf-8", "replace"))
    if isinstance(value, BaseException):
        return redact_text(described(value))
    if depth < DEEPEST and isinstance(value, dict):
        return {redact_text(str(k)): redact(v, str(k), depth + 1) for k, v in value.items()}
    if depth < DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [redact(v, "", depth + 1) for v in value]
    return redact_text(_spelled(value))


def _spelled(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - a line is not lost because something in it cannot be spelled
        return f"<a {type(value).__name__} that cannot be shown: {type(error).__name__}>"
