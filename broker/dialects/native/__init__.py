"""The native API: JSON over HTTP, with problem documents for errors."""
