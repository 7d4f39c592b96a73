"""Mechanism every service needs: bus, outbox, inbox, database, HTTP, auth.

No vocabulary of relief work lives here.
"""
