"""ledger: turns every published fact into balanced double-entry postings and proves each figure."""
