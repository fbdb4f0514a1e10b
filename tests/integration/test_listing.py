"""Records are found on PostgreSQL too, where a database sorts as its language does."""

import pytest
import sqlalchemy as sa

from config.ports import SystemClock
from reconcile.model import Kind, Record, Side
from storage import copies, listing, migrations
from storage.database import Database
from storage.listing import Filter
from storage.paging import Asked
from tests.services.postgresql import PostgreSQL
from tests.unit.ports import START
from tests.unit.storing import CONNECTION, add_connection

TITLES = ("1001", "1002", "inv-7", "Åster", "aster")


@pytest.mark.parametrize(("text", "ids"), [("100", ["1002", "1001"]), ("inv-", ["inv-7"]), ("ÅS", ["Åster"])])
def test_records_are_found_by_what_their_number_begins_with(postgresql: PostgreSQL, text: str, ids: list[str]) -> None:
    url = sa.make_url(postgresql.new_database())
    spoken = f"{url.database}_en"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        said = f"CREATE DATABASE {spoken} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
        connection.execute(sa.text(said))
    engine.dispose()
    database = Database(url.set(database=spoken).render_as_string(hide_password=False), SystemClock())
    migrations.upgrade(database)
    add_connection(database)
    with database.transaction() as session:
        for number, title in enumerate(TITLES):
            record = Record(Side.RAVETREE, Kind.INVOICE, str(number))
            copies.store(session, CONNECTION, record, 1, {"number": title}, START)
        found = listing.page(session, CONNECTION, Filter(text=text), Asked(10))
    assert [row.body["number"] for row in found.rows] == ids
    database.close()
