"""Resource graphs as values: nodes, edges, validation, order and readiness.

Takes the spec of a ResourceGraph and live objects, gives what depends on what and what is ready. Pure: no
asyncio, no SQL, no HTTP; import-linter checks it.
"""
