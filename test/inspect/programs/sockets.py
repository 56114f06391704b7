"""Opens a socket of each kind, prints what each is as a line of JSON, and waits for the end of its input.

It knows nothing of the library: the addresses are those that Python says. Arguments: the path of a folder,
how many pairs to make, and "new" in a new network namespace.
"""
import fcntl
import json
import os
import socket
import struct
import sys

folder, pairs = sys.argv[1], int(sys.argv[2])
LOCAL4, LOCAL6 = ("127.0.0.1", 0), ("::1", 0)
TYPES = {1: "stream", 2: "datagram", 3: "raw", 5: "seqpacket"}
FAMILIES = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6", socket.AF_UNIX: "unix"}
kept = {}


def made(name, family, kind, address=None, to=None, listens=False, protocol=0):
    found = socket.socket(family, kind, protocol)
    if address is not None:
        found.bind(address)
    if listens:
        found.listen()
    if to is not None:
        found.connect(to)
    kept[name] = found
    return found


def connected(name, listener):
    made(f"{name}, connecting", listener.family, listener.type, to=listener.getsockname())
    kept[f"{name}, accepted"] = listener.accept()[0]


def address(found, of):
    try:
        name = of()
    except OSError:
        return None
    if found.family == socket.AF_UNIX:
        path = os.fsdecode(name) if isinstance(name, bytes) else name
        return {"path": path} if path else None
    text, port = name[0].split("%")[0], name[1]
    return None if port == 0 and text.strip("0.:") == "" else {"address": text, "port": port}


def inode(found):
    return os.fstat(found.fileno()).st_ino


def peer(found):
    """The socket at the other end of a Unix socket, among those here."""
    for name, other in kept.items():
        for first, second in (("connecting", "accepted"), ("one", "two")):
            if name.endswith(first) and kept[name[: -len(first)] + second] is found:
                return other
            if name.endswith(second) and kept[name[: -len(second)] + first] is found:
                return other
    return None


def entry(name, found):
    listens = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
    family = FAMILIES.get(found.family, "other")
    kind = TYPES[found.type]
    seen = {"family": family, "type": kind, "listening": listens}
    if family != "other":
        ends = {"local": address(found, found.getsockname), "remote": address(found, found.getpeername)}
        seen.update({end: where for end, where in ends.items() if where is not None})
    other = peer(found) if family == "unix" else None
    if other is not None:
        seen["peerInode"] = inode(other)
    return {"name": name, "fd": found.fileno(), "inode": inode(found), "socket": seen}


if sys.argv[3:] == ["new"]:
    SIOCSIFFLAGS, IFF_UP = 0x8914, 1  # of linux/sockios.h and linux/if.h: there the loopback is down
    fcntl.ioctl(socket.socket(), SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))
TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
connected("TCP", made("TCP, listening", socket.AF_INET, TCP, LOCAL4, listens=True))
made("TCP, bound", socket.AF_INET, TCP, LOCAL4)
udp = made("UDP, bound", socket.AF_INET, UDP, LOCAL4)
made("UDP, sending", socket.AF_INET, UDP, to=udp.getsockname())
try:
    connected("TCP over IPv6", made("IPv6, listening", socket.AF_INET6, TCP, LOCAL6, listens=True))
    mapped = made("both families, listening", socket.AF_INET6, TCP, ("::", 0), listens=True)
    made("mapped, sending", socket.AF_INET6, UDP, to=("::ffff:127.0.0.1", udp.getsockname()[1]))
    made("UDP over IPv6", socket.AF_INET6, UDP, LOCAL6)
except OSError:
    pass  # a machine without IPv6
try:
    made("MPTCP, listening", socket.AF_INET, TCP, LOCAL4, listens=True, protocol=262)
except OSError:
    pass  # a kernel without it
connected("Unix", made("Unix, listening", socket.AF_UNIX, TCP, f"{folder}/s", listens=True))
connected("abstract", made("abstract, listening", socket.AF_UNIX, TCP, f"\0{folder}/@s", listens=True))
log = made("Unix datagrams", socket.AF_UNIX, UDP, f"{folder}/ä")
for name, kind in (("pair", TCP), ("datagram pair", UDP), ("packet pair", socket.SOCK_SEQPACKET)):
    kept[f"{name}, one"], kept[f"{name}, two"] = socket.socketpair(socket.AF_UNIX, kind)
for number in range(pairs):
    kept[f"{number}, one"], kept[f"{number}, two"] = socket.socketpair()
alone, gone = socket.socketpair()
gone.close()
kept["a pair of which one is closed"] = alone
print(json.dumps([entry(*each) for each in kept.items()]), flush=True)
sys.stdin.read()
