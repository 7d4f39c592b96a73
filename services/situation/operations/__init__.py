"""Use cases of situation: load, decide in the domain, save, record the event. The caller owns the transaction."""
