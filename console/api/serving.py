"""What the API's rooms share."""

from collections.abc import Callable
from dataclasses import dataclass

from config.errors import RavebooksError
from config.ports import Clock
from config.tally import Tally
from console.connecting import Connecting
from publishers.publisher import Publisher
from storage.database import Database
from sync.questions.parity import Parity
from sync.questions.previews import Previews


class NoSuchRecord(RavebooksError):
    """Nothing is known of this record, or it waits for nobody."""

    remedy = "List what needs attention and take the record from there."


@dataclass(frozen=True)
class Serving:
    """What the API needs."""

    database: Database
    clock: Clock
    connecting: Connecting
    previews: Previews
    parity: Parity
    publisher: Publisher
    nudge: Callable[[str], None]
    api_token: str
    tally: Tally
