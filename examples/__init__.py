"""Programs to read and run, each of which trains something with NumPy and shows what it found."""
