"""The aiohttp server: a thin skin over the services."""
