"""All outbound sockets."""
