"""From an instance to its ResourceGraph, and from the graph's status back to the instance's.

Takes instances of served kinds and the revision in force; gives ResourceGraph manifests beside them. Never touches
what a graph stands for, and leaves the graph alone when a render fails.
"""
