"""The only room that calls API servers.

Takes a connection and gives a client for that one cluster: typed reads, list-then-watch streams, recorded
writes, discovery. Never keeps a cache, never retries and never decides what should be on a cluster.
"""
