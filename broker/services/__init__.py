"""One file per use case; the only place the layers meet."""
