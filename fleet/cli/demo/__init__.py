"""``fleet demo``: the main job, shown on real clusters that are gone afterwards.

Takes a folder of its own; gives a story, told as it happens. Knows nothing that a user could not see: it writes
cluster files, applies manifests, looks at the clusters and reads SQL, and the hub is the one that everybody runs.
"""
