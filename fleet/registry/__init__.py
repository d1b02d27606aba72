"""Who is in the fleet: cluster files in, registrations in SQL out, with labels, roles and health.

Takes a folder of cluster files and gives the clusters that they name, now and whenever the folder changes. Never
connects to a cluster, never holds a credential, and never detaches a cluster because a file cannot be read.
"""
