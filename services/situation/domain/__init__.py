"""Rules of situation, by what they are about. No I/O: today and whatever else they look at is handed in."""
