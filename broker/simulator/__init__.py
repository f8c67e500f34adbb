"""A make-believe Bandwidth with fault dials, for development, tests and benchmarks."""
