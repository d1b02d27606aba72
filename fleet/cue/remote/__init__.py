"""Modules that lie elsewhere: in a git repository, an OCI registry, or a ConfigMap.

Takes what a ``cueRef`` says and the data of its pull secret; gives the module with the exact origin that it came
from, over the network or from a cache on disk. Never evaluates a module, never reads a cluster, and lets no
credential into a log, an error, a process argument or an environment.
"""
