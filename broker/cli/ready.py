"""Small questions that tell whether a server does its work yet."""

import http.client
import socket

_TIMEOUT_S = 1.0


def answers(port: int, path: str, *, host: str = "127.0.0.1") -> bool:
    """Say whether a GET is answered with 200."""
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def listens(port: int, *, host: str = "127.0.0.1") -> bool:
    """Say whether anybody takes connections."""
    try:
        socket.create_connection((host, port), timeout=_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def pongs(port: int, *, host: str = "127.0.0.1") -> bool:
    """Say whether a Redis answers PING; one that still loads its file does not."""
    try:
        with socket.create_connection((host, port), timeout=_TIMEOUT_S) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
