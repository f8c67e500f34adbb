"""One file per queue group: a task is a name and one call."""
