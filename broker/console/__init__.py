"""The operators' web console: pages made on the server, a little script of our own, nobody else's."""
