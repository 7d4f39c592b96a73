"""situation (재난상황): disasters, task-force bodies, regions, sites, contacts, the log and the accounts."""
