/*
 * The yardstick for channels: `pass MESSAGES HANDLES` sends MESSAGES messages with HANDLES handles each
 * to a child over a socket and waits for the answer to each. The child closes the handles that it
 * receives. Prints the handles a second as JSON.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "common.h"

#define MOST 253

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
  made.msg_control = control.bytes;
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
    int number = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (int at = 0; at < number; at++) {
      int fd;
      memcpy(&fd, CMSG_DATA(part) + at * sizeof(int), sizeof(int));
      if (close(fd) == -1) fail("close");
    }
    if (write(socket, &byte, 1) != 1) fail("write");
  }
}

static void ping(int socket, int source, int handles) {
  struct iovec vector;
  char byte = 'x';
  struct msghdr sent = message(&vector, &byte, CMSG_SPACE(handles * sizeof(int)));
  struct cmsghdr *part = CMSG_FIRSTHDR(&sent);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(handles * sizeof(int));
  for (int at = 0; at < handles; at++) {
    memcpy(CMSG_DATA(part) + at * sizeof(int), &source, sizeof(int));
  }
  if (sendmsg(socket, &sent, MSG_NOSIGNAL) != 1) fail("sendmsg");
  if (read(socket, &byte, 1) != 1) fail("read");
}

int main(int count, char **arguments) {
  if (count != 3) {
    fputs("Usage: pass MESSAGES HANDLES\n", stderr);
    return 2;
  }
  int messages = atoi(arguments[1]), handles = atoi(arguments[2]);
  if (handles < 1 || handles > MOST) {
    fputs("pass: the number of handles must be from 1 to 253\n", stderr);
    return 2;
  }
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
  for (int at = 0; at < messages / 10; at++) ping(pair[0], source, handles);
  double start = now();
  for (int at = 0; at < messages; at++) ping(pair[0], source, handles);
  double seconds = (now() - start) / 1e9;
  close(pair[0]);
  waitpid(pid, NULL, 0);
  printf("{\"version\":\"%s\",\"perSecond\":%.0f}\n", __VERSION__, messages * (double)handles / seconds);
  return 0;
}
