"""inventory (구호물품): items, depots, stock lots, requests from the field, and shipments until they are received."""
