"""Schema changes, one linear history; each release only adds first, so two versions can run side by side."""
