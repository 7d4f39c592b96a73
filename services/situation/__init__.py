"""situation (재난상황): disasters, bodies and their task forces, regions, sites, contacts, the log and the accounts."""
