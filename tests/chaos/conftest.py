"""What holds for the integration tests holds here."""

from tests.integration.conftest import no_settings_from_outside  # noqa: F401 - a fixture that everybody has
