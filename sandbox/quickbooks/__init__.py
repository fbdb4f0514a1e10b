"""An emulator of the QuickBooks Online API over real HTTP on loopback, with its books on disk."""

from sandbox.quickbooks.clock import SandboxClock
from sandbox.quickbooks.generator import SAMPLE, Plan
from sandbox.quickbooks.server import QuickBooksSandbox

__all__ = ["SAMPLE", "Plan", "QuickBooksSandbox", "SandboxClock"]
