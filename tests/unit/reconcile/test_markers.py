"""What our notes in QuickBooks name: read back as what they were written for."""

import pytest

from reconcile.markers import Marker, ending, marked_payment, marked_placeholder, marker_of
from reconcile.markers import payment_marker as of_payment
from reconcile.markers import placeholder_marker as of_placeholder
from reconcile.model import Kind, Record, Side

PAYMENT, INVOICE = Record(Side.RAVETREE, Kind.PAYMENT, "RP1"), Record(Side.RAVETREE, Kind.INVOICE, "R1")


@pytest.mark.parametrize("installation", ["", "01d6ad93b4ed"])
def test_a_note_names_what_it_was_written_for(installation: str) -> None:
    assert marker_of(of_payment("RP1", installation)) == Marker(PAYMENT, False, installation)
    assert marker_of(of_placeholder("R1", "1043", installation)) == Marker(INVOICE, True, installation)
    assert of_payment("RP1", installation).endswith(ending("payment", "RP1"))
    assert of_placeholder("R1", "1043", installation).endswith(ending("placeholder", "R1"))


def test_a_copy_is_no_placeholder_and_the_other_way_round() -> None:
    copy, holder = of_payment("RP1"), of_placeholder("R1", "1043")
    assert (marked_payment(copy), marked_placeholder(copy)) == ("RP1", None)
    assert (marked_payment(holder), marked_placeholder(holder)) == (None, "R1")


@pytest.mark.parametrize("note", ["", "Check 7", "Copied from Ravetree."])
def test_anybody_elses_note_names_nothing(note: str) -> None:
    assert (marker_of(note), marked_payment(note), marked_placeholder(note)) == (None, None, None)
