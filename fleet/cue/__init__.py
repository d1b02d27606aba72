"""The only room that runs CUE.

Takes modules, as the files that a source resolved them to, and gives what they say: their metadata, the schema of
an instance's spec, and the graph of one instance. Never calls a cluster, and never lets a module at the disk,
the network or more time and memory than its limits allow. ``engine/`` is the Go code of the helper process.
"""
