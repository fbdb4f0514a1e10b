"""An emulator of the QuickBooks Online API over real HTTP on loopback, with its books on disk."""

from quickbooks_sandbox.http.server import QuickBooksSandbox
from quickbooks_sandbox.http.web import make_app
from quickbooks_sandbox.world.generator import SAMPLE, Plan
from quickbooks_sandbox.world.services import Services
from quickbooks_sandbox.world.switches import SWITCHES
from sandbox_kit.clock import SandboxClock

__all__ = ["SAMPLE", "SWITCHES", "Plan", "QuickBooksSandbox", "SandboxClock", "Services", "make_app"]
