"""Bandwidth's Messaging API, version 2."""
