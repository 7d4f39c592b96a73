"""What the situation API takes and gives."""
