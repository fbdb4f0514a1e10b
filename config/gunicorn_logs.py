"""Gunicorn's own lines, from its first one on, through the logs of this program."""

from typing import Any

from gunicorn.glogging import Logger as GunicornLogger

from config import environment
from config import logging as logs
from config.settings import Settings


class Logger(GunicornLogger):
    """What gunicorn's `--logger-class` takes: nothing is written but what the root logger's handler writes."""

    def setup(self, cfg: Any) -> None:
        """Configure the logs of this process; gunicorn calls it once, before it forks."""
        super().setup(cfg)
        settings = Settings.from_environment(environment.read())
        logs.configure(settings.log_level, settings.log_format)
        logs.catch_uncaught()
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
