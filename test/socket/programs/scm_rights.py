"""A program that knows nothing of this library: sends and receives descriptors by SCM_RIGHTS on its standard input."""
import array
import os
import socket
import sys

command, *values = sys.argv[1:]
sock = socket.socket(fileno=os.dup(0))
sock.setblocking(True)

if command == "send":
    # Each value is a path that is opened, sent with its name, and closed.
    for path in values:
        fd = os.open(path, os.O_RDWR)
        socket.send_fds(sock, [path.encode()], [fd, fd])
        os.close(fd)
elif command == "receive":
    # Writes what it has received to each descriptor.
    for _ in range(int(values[0])):
        data, fds, flags, _address = socket.recv_fds(sock, 65536, 253)
        for fd in fds:
            os.write(fd, b"%s of %d, flags %d\n" % (data, len(fds), flags))
            os.close(fd)
elif command == "send-to":
    path, text = values
    out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    rights = array.array("i", [0])
    out.sendmsg([text.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)], 0, path)
print("done", os.getpid(), flush=True)
