"""Use cases of disbursement: load, decide in the domain, save, record the event. The caller owns the transaction."""
