"""What is generated for readers: reference pages, type stubs, the bundle; and peers compared."""
