"""The same loops in Python, whose `os.dup` sets close-on-exec too: `loop.py BATCHES SIZE`."""

import errno
import json
import os
import platform
import statistics
import sys
import time

batches, size = int(sys.argv[1]), int(sys.argv[2])
source = os.open("/dev/null", os.O_RDONLY)
target = os.open("/dev/null", os.O_RDONLY)
# A number below the size of the file table: for one beyond it the kernel fails sooner.
closed = os.dup2(source, 100, inheritable=False)
os.close(closed)


def pair(count):
    dup, close, fd = os.dup, os.close, source
    for _ in range(count):
        close(dup(fd))


def onto(count):
    dup2, fd, to = os.dup2, source, target
    for _ in range(count):
        dup2(fd, to, False)


def failing(count):
    for _ in range(count):
        try:
            os.dup(closed)
        except OSError as error:
            if error.errno != errno.EBADF:
                raise


def measure(operation, size):
    operation(size * 4)
    times = []
    for _ in range(batches):
        start = time.perf_counter_ns()
        operation(size)
        times.append((time.perf_counter_ns() - start) / size)
    return statistics.median(times)


ns = {"pair": measure(pair, size), "onto": measure(onto, size), "failing": measure(failing, size // 20)}
print(json.dumps({"version": platform.python_version(), "ns": ns}))
