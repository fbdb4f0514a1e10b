"""The neighbours: QuickBooks and Ravetree over HTTP."""
