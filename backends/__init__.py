"""How each array library runs a loss: one adapter per library, found through entry points."""
