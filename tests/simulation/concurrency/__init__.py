"""Every kind of change in Ravetree with every kind of change in QuickBooks on the same record, made at the same time.

All pairs of one kind of record live in one world, each with a client of its own, so that they cannot meet. What
became of each is spelled as one short text, the same whatever order the news of it arrived in.
"""
