"""The fault suite: real processes, seeded faults under load, and four ledgers compared at the end."""
