"""Whether an implementation of the contract with Ravetree is one: each claim tried from outside, with what to do.

It asks as Ravebooks asks. What it creates, one unapplied payment of a cent, it removes.
"""
