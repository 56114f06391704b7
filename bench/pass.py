"""Sends descriptors with Python's multiprocessing, one at a time: `pass.py HANDLES`."""

import json
import multiprocessing
import os
import platform
import sys
import time
from multiprocessing import reduction


def child(connection, count):
    for _ in range(count):
        os.close(reduction.recv_handle(connection))
        connection.send_bytes(b"x")


if __name__ == "__main__":
    handles = int(sys.argv[1])
    warm = handles // 10
    ours, theirs = multiprocessing.Pipe(duplex=True)
    process = multiprocessing.Process(target=child, args=(theirs, warm + handles))
    process.start()
    source = os.open("/dev/null", os.O_RDONLY)

    def ping(count):
        for _ in range(count):
            reduction.send_handle(ours, source, process.pid)
            ours.recv_bytes()

    ping(warm)
    start = time.perf_counter()
    ping(handles)
    seconds = time.perf_counter() - start
    process.join()
    print(json.dumps({"version": platform.python_version(), "perSecond": round(handles / seconds)}))
