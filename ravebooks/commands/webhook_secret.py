"""`ravebooks webhook-secret`: what Ravetree signs an account's events with."""

import click

from config import logging as logs
from ravebooks.commands.printing import as_json, tell
from ravebooks.local import settings as local_settings
from webhooks.signatures import current_ravetree_secret


@click.command("webhook-secret")
@click.argument("account")
@as_json
def webhook_secret(account: str) -> None:
    """Print the secret to give to Ravetree for ACCOUNT: derived from the key ring, stored nowhere."""
    logs.configure("error")
    settings, _ = local_settings.read()
    settings.require("ravetree_webhook_keys")
    if settings.ravetree_webhook_keys is not None:
        secret = current_ravetree_secret(account, settings.ravetree_webhook_keys)
        tell({"account_id": account, "secret": secret}, secret)
