"""Use cases of dispatch: load, decide in the domain, save, record the event. The caller owns the transaction."""
