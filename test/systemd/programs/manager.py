"""A service manager for the tests of notify() and listenFds().

It receives what sd_notify(3) describes, stores descriptors, and starts a process with them as sd_listen_fds(3)
describes. It knows nothing of the library. Each line of its input is a command, and each line of its output the
answer. It reads messages only when a command says so, so that its queue can be full. It ends with its input.

Usage: python3 manager.py PATH, or @NAME for an abstract socket
"""

import array
import fcntl
import json
import os
import select
import signal
import socket
import struct
import sys
import time

INPUT = 0
FIRST = 3

receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
address = sys.argv[1]
receiver.bind("\0" + address[1:] if address.startswith("@") else address)

stored = []  # (name, descriptor)
children = set()


def receive(count):
    return [receive_one() for _ in range(count)]


def receive_one():
    ready, _, _ = select.select([receiver, INPUT], [], [])
    if receiver not in ready:
        raise EOFError  # the test has ended
    space = socket.CMSG_SPACE(12) + socket.CMSG_SPACE(253 * 4)
    data, control, flags, _ = receiver.recvmsg(8192, space, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    pid = None
    for level, kind, value in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(value)
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            pid = struct.unpack("iii", value)[0]
    state = data.decode()
    lines = state.split("\n")
    names = [line[7:] for line in lines if line.startswith("FDNAME=")]
    if "FDSTORE=1" in lines:
        stored.extend((names[0], fd) for fd in fds)
    else:
        for fd in fds:
            os.close(fd)
    if "FDSTOREREMOVE=1" in lines:
        remove(names[0])
    is_whole = flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC) == 0
    return {"state": state, "fds": len(fds), "pid": pid, "whole": is_whole}


def remove(name):
    for each in [each for each in stored if each[0] == name]:
        stored.remove(each)
        os.close(each[1])


def start(argv, env):
    pid = os.fork()
    if pid != 0:
        children.add(pid)
        return pid
    try:
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 200) for _, fd in stored]
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(2, 1)
        # They are not inheritable, and would be in the way.
        for fd in range(FIRST, 200):
            try:
                os.close(fd)
            except OSError:
                pass
        for at, fd in enumerate(high):
            os.dup2(fd, FIRST + at)
        passed = {"NOTIFY_SOCKET": address}
        if high:
            passed["LISTEN_PID"] = str(os.getpid())
            passed["LISTEN_FDS"] = str(len(high))
            passed["LISTEN_FDNAMES"] = ":".join(name for name, _ in stored)
        os.execvpe(argv[0], argv, {**os.environ, **passed, **env})
    finally:
        os._exit(127)


def end(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    children.discard(pid)


def wait(pid):
    process = os.pidfd_open(pid)
    ready, _, _ = select.select([process, INPUT], [], [])
    os.close(process)
    if INPUT in ready:
        raise EOFError  # the test has ended
    children.discard(pid)
    return os.waitpid(pid, 0)[1]


def commands():
    rest = b""
    while True:
        more = os.read(INPUT, 65536)
        if not more:
            return
        *lines, rest = (rest + more).split(b"\n")
        for line in lines:
            yield json.loads(line)


def answer(command):
    if "receive" in command:
        return receive(command["receive"])
    if "start" in command:
        return start(command["start"], command["env"])
    if "end" in command:
        return end(command["end"])
    if "wait" in command:
        return wait(command["wait"])
    if "write" in command:
        fd = next(fd for name, fd in stored if name == command["write"])
        return os.write(fd, command["text"].encode())
    return {"stored": [name for name, _ in stored], "now": time.monotonic_ns() // 1000}


try:
    print("null", flush=True)
    for command in commands():
        print(json.dumps(answer(command)), flush=True)
except (EOFError, BrokenPipeError):
    pass
finally:
    for child in list(children):
        end(child)
