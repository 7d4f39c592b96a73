"""`python -m deploy.migration SERVICE MESSAGE`: write what changed in a service's tables as a new migration."""

import importlib
import sys

from shared.migrations import write_migration

if __name__ == "__main__":
    service, message = sys.argv[1:]
    store = importlib.import_module(f"services.{service}.store")
    write_migration(store.metadata, store.MIGRATIONS, message)
