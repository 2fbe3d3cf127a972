#!/usr/bin/env python3
"""Ports of 127.0.0.1 for servers that are started, or started again, later: free now, and below those that the system
gives to outgoing connections, so that none of these has them by then.

    scripts/free_ports.py COUNT     prints them, with blanks between"""

import random
import socket
import sys

LOWEST = 20000


def below_outgoing():
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
            return int(file.read().split()[0])
    except OSError:
        return 32768  # Linux's default


def free_ports(count):
    candidates = list(range(LOWEST, below_outgoing()))
    random.SystemRandom().shuffle(candidates)
    held = []
    while len(held) < count:
        # Where the system gives out all ports, any that is free has to do.
        port = candidates.pop() if candidates else 0
        try:
            held.append(socket.create_server(("127.0.0.1", port)))
        except OSError:
            if port == 0:
                raise
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


if __name__ == "__main__":
    print(*free_ports(int(sys.argv[1])))
