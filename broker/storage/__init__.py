"""All SQL, its migrations, and the MMSAttachments files."""
