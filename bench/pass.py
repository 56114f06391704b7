"""The same as pass.c in Python, by socket.send_fds and socket.recv_fds: `pass.py ROUND_TRIPS STREAMED`."""

import json
import os
import platform
import socket
import statistics
import sys
import time

MOST = 253
MANY = 200
BATCHES = 20


def child(connection):
    while True:
        data, fds, _flags, _address = socket.recv_fds(connection, 1, MOST)
        if not data:
            os._exit(0)
        for fd in fds:
            os.close(fd)
        if data == b"a":
            connection.send(data)


def main():
    trips, streamed = int(sys.argv[1]) // BATCHES, int(sys.argv[2])
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        child(theirs)
    theirs.close()
    source = os.open("/dev/null", os.O_RDONLY)

    def sends(data, fds):
        while True:
            try:
                return socket.send_fds(ours, [data], fds) if fds else ours.send(data)
            except OSError as error:
                # ETOOMANYREFS: this user has as many handles in flight as a process may have open.
                if error.errno != 109:
                    raise
                os.sched_yield()

    def round_trips(fds, count):
        start = time.perf_counter()
        for _ in range(count):
            sends(b"a", fds)
            ours.recv(1)
        return (time.perf_counter() - start) * 1e6 / count

    def stream(handles, total):
        fds = [source] * handles
        start = time.perf_counter()
        for _ in range(total // handles):
            sends(b"s", fds)
        sends(b"a", [])
        ours.recv(1)
        return total / (time.perf_counter() - start)

    round_trips([source], trips)
    pairs = [(round_trips([], trips), round_trips([source], trips)) for _ in range(BATCHES)]
    without, with_one = (statistics.median(each) for each in zip(*pairs))
    one = stream(1, streamed)
    many = stream(MANY, streamed * 10 // MANY * MANY)
    ours.close()
    os.waitpid(pid, 0)
    result = {"without": without, "with": with_one, "one": round(one), "many": round(many)}
    print(json.dumps({"version": platform.python_version(), **result}))


main()
