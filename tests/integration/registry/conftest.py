from tests.integration.store.databases import database

__all__ = ["database"]
