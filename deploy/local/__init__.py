"""The real parts on one machine without Docker: Kafka, PostgreSQL, Redis, Chromium, and the whole stack made of them."""
