"""How a process begins: its settings, all complaints about them at once, then its logs."""

from typing import Any

from config import environment, settings
from config import logging as logs
from config.errors import SettingError
from config.settings import Settings

log = logs.logger("settings")


def begin(*needed: str, **override: Any) -> Settings:
    """The settings of a process that needs the fields `needed`, its logs configured by them; `override` wins.

    Raises `SettingError`. A variable that means nothing is a warning: it may be another program's.
    """
    read = environment.read()
    try:
        made = Settings.from_environment(read, needed=needed, **override)
    except SettingError as error:
        # One that is missing may be one that is misspelt.
        raise SettingError(*error.lines, *settings.unknown(read)) from None
    logs.configure(made.log_level, made.log_format)
    for sentence in settings.unknown(read):
        log.warning(sentence)
    return made
