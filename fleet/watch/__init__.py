"""What a cluster shows, and what is to be looked at again because of it.

Takes a client and resource types; gives caches that streams keep current, and backlogs of identities to reconcile.
Never decides what should be on a cluster, and never writes to one.
"""
