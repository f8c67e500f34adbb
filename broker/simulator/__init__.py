"""A make-believe Bandwidth with fault dials."""
