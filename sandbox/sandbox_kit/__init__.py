"""What every emulator needs: disk, clock, faults on order, journal of requests, server, and who may steer it."""
