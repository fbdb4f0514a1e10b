"""Whose an API token for Ravetree is, as Ravetree itself says."""

import re
from collections.abc import Callable

from clients.errors import NeighbourError, NotAuthorised, NotSent, OutcomeUnknown, Throttled
from clients.ravetree.account import Account
from config.logging import logger
from console.states import ConnectRefused
from schemas import ids

API_TOKEN = re.compile(r"[!-~]+")

Opener = Callable[[str, str], Account]
"""Opens an account with a token, for the calling thread."""

log = logger("connect")


def look(account: Opener, account_id: str, token: str) -> None:
    """Refuse a token that Ravetree does not take, or that is another account's, before anybody consents.

    When Ravetree is out of reach the connect goes on: the callback looks again. Raises `ConnectRefused`.
    """
    if not ids.is_ravetree_id(account_id):
        raise ConnectRefused(
            "the account id is none of Ravetree's",
            remedy="It has 1 to 64 of A-Z, a-z, 0-9, _ and -.",
            field="account_id",
        )
    if not API_TOKEN.fullmatch(token):
        raise ConnectRefused(
            "the API token has characters that no header can carry",
            remedy="Copy it once more from Ravetree.",
            field="ravetree_token",
        )
    try:
        # Somebody waits for the link: one try.
        check(account, account_id, token, attempts=1)
    except (NotSent, OutcomeUnknown, Throttled) as error:
        log.warning("account not looked at before the consent", account=account_id, error=str(error))
    except NeighbourError as error:
        raise ConnectRefused(
            f"Ravetree does not say whose API token this is: {error}",
            remedy="Correct RAVEBOOKS_RAVETREE_API_URL, or ask Ravetree's support; then begin the connect again.",
        ) from None


def check(account: Opener, account_id: str, token: str, attempts: int = 3) -> str:
    """The account's name. Raises `ConnectRefused` unless Ravetree says that the token is this account's."""
    try:
        said = account(account_id, token).describe(attempts)
    except NotAuthorised:
        raise ConnectRefused(
            f"Ravetree does not accept this API token for the account {account_id}",
            remedy="Begin the connect again with a valid API token of that account.",
            field="ravetree_token",
        ) from None
    found = said.get("id")
    if found != account_id:
        whose = f"the account {found}" if found else "nobody that Ravetree names"
        raise ConnectRefused(
            f"the API token belongs to {whose}, not to {account_id}",
            remedy="Begin the connect again with an API token of that account.",
            field="ravetree_token",
        )
    return str(said.get("name") or "")
