"""QuickBooks Online: OAuth, REST, change data capture, faults and pacing."""
