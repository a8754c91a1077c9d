"""The proof that an implementation computes what the specification says."""
