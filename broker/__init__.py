"""An asynchronous, queue-backed MMS/SMS message broker."""

__version__ = "0.1.0"
