"""How fast every loss is, beside what users have today: ``python -m benchmarks``."""
