"""What all tests share."""

from hypothesis import HealthCheck, settings

# How fast a machine makes its examples is not what these tests are about.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
