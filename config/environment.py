"""Where settings come from: the environment, `.env` in the working directory below it, and files for secrets."""

import difflib
import io
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dotenv.parser import parse_stream
from environs import Env
from marshmallow import ValidationError, fields

from config import keyring
from config.errors import SettingError
from config.keyring import KeyRing

PREFIX: Final = "RAVEBOOKS_"
FILE_SUFFIX: Final = "_FILE"
DOTENV: Final = ".env"


def read(environment: Mapping[str, str] = os.environ, path: Path = Path(DOTENV)) -> dict[str, str]:
    """Every variable of `environment`, and those of the file at `path`, if it is there, that `environment` lacks.

    A value in the file stands for itself: nothing in it is expanded. Raises `SettingError` for what cannot be read.
    """
    return _of_file(path) | dict(environment)


def _of_file(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{path} cannot be read ({_reason(error)}): mend it or take it away.") from error
    found: dict[str, str] = {}
    wrong: list[str] = []
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            whole = binding.original.string
            line = binding.original.line + whole[: len(whole) - len(whole.lstrip())].count("\n")
            wrong.append(f"{path}, line {line}, is not of the form NAME=value: correct it.")
        elif binding.key is not None and binding.value is not None:
            found[binding.key] = binding.value
    if wrong:
        raise SettingError(*wrong)
    return found


def _reason(error: Exception) -> str:
    """What the operating system says, or what is in the way; no content of the file."""
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else "it is not UTF-8"


class Resolved:
    """The variables that are set to something, with the secrets among them that stand in files."""

    def __init__(self, environment: Mapping[str, str], secrets: Collection[str]) -> None:
        self.values = {name: text.strip() for name, text in environment.items() if text.strip()}
        self.errors: dict[str, str] = {}
        self._from_file: set[str] = set()
        for name in secrets:
            if name + FILE_SUFFIX in self.values:
                self._take(name)

    def _take(self, name: str) -> None:
        variable = name + FILE_SUFFIX
        if name in self.values:
            self.errors[name] = f"{name} and {variable} are both set: unset one of them."
            return
        path = Path(self.values[variable])
        try:
            text = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            self.errors[name] = f"{variable} names a file that cannot be read ({_reason(error)}): correct the path."
            return
        if not text:
            self.errors[name] = f"{variable} names a file that is empty: put the secret into it."
            return
        self.values[name] = text
        self._from_file.add(name)

    def source(self, name: str) -> str:
        """The variable that a person has to correct."""
        return name + FILE_SUFFIX if name in self._from_file else name


class _KeyRingField(fields.Field[KeyRing]):
    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> KeyRing:
        try:
            return keyring.parse(value)
        except SettingError as error:
            raise ValidationError(str(error)) from error


class Source(Env):
    """Reads the variables that it is given, where `Env` reads the process's own; complains when it is sealed."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self._given = values
        self.add_parser_from_field("key_ring", _KeyRingField)

    def _get_value(self, env_key: str, default: Any) -> Any:
        # The one place where environs looks anything up; its own FileAwareEnv overrides it too.
        return self._given.get(env_key, default)


def unknown(environment: Mapping[str, str], known: Collection[str]) -> Iterator[str]:
    """A sentence about each variable with our prefix that means nothing, with the name that was perhaps meant."""
    # Compared without the prefix, which would make all of them alike.
    words = [name.removeprefix(PREFIX) for name in known if name.startswith(PREFIX)]
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name.removeprefix(PREFIX), words, n=1)
            meant = f"was {PREFIX}{near[0]} meant? Correct it, or unset it." if near else "unset it."
            yield f"{name} is set and means nothing: {meant}"
