"""How results are shown: on a terminal, as JSON, as JUnit."""
