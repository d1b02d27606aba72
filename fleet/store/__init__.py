"""Where the fleet's memory is kept: SQLite by default, PostgreSQL by URL.

Takes a database URL and gives sessions to read or to write in, the base of every table, and the schema's
migrations. Never knows a table: each room keeps its own in its ``tables.py``, and no row leaves the repository
beside it.
"""
