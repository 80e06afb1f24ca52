"""No test may reach for the network: an audit hook refuses every connection but to this machine itself, in every process of the suite.

Python runs the hook before it connects, sends or asks for an address, whoever asks (PEP 578); it cannot be taken off again.
"""

import ipaddress
import socket
import sys

__all__ = ["NetworkReached", "refuse"]

_EVENTS = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request")
_installed = []


class NetworkReached(PermissionError):
    """Something asked for another machine."""


def _inside(host):
    """Whether the host is this machine: no name at all, its own name, or a loopback address."""
    if host in (None, "", b"") or not isinstance(host, (str, bytes)):
        return True
    name = host.decode() if isinstance(host, bytes) else host
    if name in ("localhost", socket.gethostname(), "<broadcast>"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _hook(event, arguments):
    if event not in _EVENTS:
        return
    if event == "urllib.Request":
        target = arguments[0]
        host = None if str(target).startswith(("file:", "data:")) else str(target)
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[-1]
        host = address[0] if isinstance(address, tuple) else None          # a path of this machine's
    else:
        host = arguments[0]
    if not _inside(host):
        raise NetworkReached(f"{event} asks for {host!r}: nothing here may use the network at run time")


def refuse():
    """Refuse the network in this process from now on."""
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_hook)


if __name__ == "__main__":
    refuse()
