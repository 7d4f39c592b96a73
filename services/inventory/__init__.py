"""inventory (구호물품): items, stock lots, requests from the field, and shipments until they are received."""
