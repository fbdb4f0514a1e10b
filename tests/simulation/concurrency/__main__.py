"""`make concurrency`."""

import tempfile
from pathlib import Path

from tests.simulation.concurrency.page import write_page

with tempfile.TemporaryDirectory() as place:
    write_page(Path(place))
