/*
 * The yardstick for channels: `pass ROUND_TRIPS STREAMED` sends messages with handles to a child over a socket.
 * The child closes the handles that it receives. Prints as JSON the microseconds of a round trip without and
 * with a handle, medians of batches in turns, and the handles a second that are streamed, 1 and 200 to a message.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "common.h"

#define MOST 253
#define MANY 200
#define BATCHES 20

/* The byte of a message: whether the child answers it. */
#define ANSWERED 'a'
#define STREAMED 's'

static union {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(MOST * sizeof(int))];
} control;

static struct msghdr message(struct iovec *vector, char *byte, size_t length) {
  struct msghdr made = {0};
  vector->iov_base = byte;
  vector->iov_len = 1;
  made.msg_iov = vector;
  made.msg_iovlen = 1;
  made.msg_control = length == 0 ? NULL : control.bytes;
  made.msg_controllen = length;
  return made;
}

static void child(int socket) {
  for (;;) {
    struct iovec vector;
    char byte;
    struct msghdr got = message(&vector, &byte, sizeof control.bytes);
    ssize_t count = recvmsg(socket, &got, MSG_CMSG_CLOEXEC);
    if (count == 0) exit(0);
    if (count != 1 || (got.msg_flags & MSG_CTRUNC)) fail("recvmsg");
    struct cmsghdr *part = CMSG_FIRSTHDR(&got);
    int number = part == NULL ? 0 : (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (int at = 0; at < number; at++) {
      int fd;
      memcpy(&fd, CMSG_DATA(part) + at * sizeof(int), sizeof(int));
      if (close(fd) == -1) fail("close");
    }
    if (byte == ANSWERED && write(socket, &byte, 1) != 1) fail("write");
  }
}

static void sends(int socket, int source, int handles, char byte) {
  struct iovec vector;
  struct msghdr sent = message(&vector, &byte, handles == 0 ? 0 : CMSG_SPACE(handles * sizeof(int)));
  if (handles > 0) {
    struct cmsghdr *part = CMSG_FIRSTHDR(&sent);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(handles * sizeof(int));
    for (int at = 0; at < handles; at++) {
      memcpy(CMSG_DATA(part) + at * sizeof(int), &source, sizeof(int));
    }
  }
  while (sendmsg(socket, &sent, MSG_NOSIGNAL) != 1) {
    /* This user has as many handles in flight as a process may have open. */
    if (errno != ETOOMANYREFS) fail("sendmsg");
    sched_yield();
  }
}

static void ping(int socket, int source, int handles) {
  char byte;
  sends(socket, source, handles, ANSWERED);
  if (read(socket, &byte, 1) != 1) fail("read");
}

/* The microseconds of a round trip. */
static double round_trips(int socket, int source, int handles, int count) {
  double start = now();
  for (int at = 0; at < count; at++) ping(socket, source, handles);
  return (now() - start) / 1e3 / count;
}

/* The handles a second, until the child has received all of them. */
static double stream(int socket, int source, int handles, int total) {
  double start = now();
  for (int at = 0; at < total / handles; at++) sends(socket, source, handles, STREAMED);
  ping(socket, source, 0);
  return total / ((now() - start) / 1e9);
}

int main(int count, char **arguments) {
  if (count != 3) {
    fputs("Usage: pass ROUND_TRIPS STREAMED\n", stderr);
    return 2;
  }
  int trips = atoi(arguments[1]) / BATCHES, streamed = atoi(arguments[2]);
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1) fail("socketpair");
  pid_t pid = fork();
  if (pid == -1) fail("fork");
  if (pid == 0) {
    close(pair[0]);
    child(pair[1]);
  }
  close(pair[1]);
  int source = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (source == -1) fail("open");
  double without[BATCHES], with[BATCHES];
  round_trips(pair[0], source, 1, trips);
  for (int batch = 0; batch < BATCHES; batch++) {
    without[batch] = round_trips(pair[0], source, 0, trips);
    with[batch] = round_trips(pair[0], source, 1, trips);
  }
  double one = stream(pair[0], source, 1, streamed);
  double many = stream(pair[0], source, MANY, streamed * 10 / MANY * MANY);
  close(pair[0]);
  waitpid(pid, NULL, 0);
  printf("{\"version\":\"%s\",\"without\":%.3f,\"with\":%.3f,\"one\":%.0f,\"many\":%.0f}\n", __VERSION__,
         median(without, BATCHES), median(with, BATCHES), one, many);
  return 0;
}
