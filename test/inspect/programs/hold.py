"""Holds something until standard input ends, and prints its pid and its descriptor as JSON.

socket PATH   a Unix socket that listens at the path
thread PATH   the file, in a process whose first thread has ended
memory        its own memory, at a position that is negative as a signed number
file PATH     the file
"""
import ctypes
import json
import os
import socket
import sys
import threading

kind, path = sys.argv[1], sys.argv[-1]
if kind == "socket":
    holder = socket.socket(socket.AF_UNIX)
    holder.bind(path)
    holder.listen()
    fd = holder.fileno()
elif kind == "memory":
    fd = os.open("/proc/self/mem", os.O_RDONLY)
    ctypes.CDLL(None).lseek(fd, ctypes.c_long(-4096), 0)
else:
    fd = os.open(path, os.O_RDONLY)


def report():
    print(json.dumps([os.getpid(), fd]), flush=True)


def wait():
    while kind == "thread" and "\nState:\tZ" not in open("/proc/self/status").read():
        pass
    report()
    sys.stdin.read()
    os._exit(0)


if kind == "thread":
    threading.Thread(target=wait).start()
    ctypes.CDLL(None).syscall(60 if os.uname().machine == "x86_64" else 93, 0)
wait()
