"""The real parts on one machine without Docker: Kafka, PostgreSQL, Redis, Chromium, and the stack made of them."""
