"""From a Transform to a kind that every selected spoke serves.

Takes Transforms of the hub cluster; gives revisions in SQL, CRDs on the spokes, and the catalog of the kinds that
are in force. Never looks at instances, and never overwrites or deletes a CRD that it did not make.
"""
