/*
 * The yardstick: the same loops in C. `loop THREADS BATCHES SIZE` prints the median nanoseconds per
 * operation as JSON, as every subject does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include "common.h"

static int source, target, closed;

static void pair(long count) {
  for (long at = 0; at < count; at++) {
    int copy = fcntl(source, F_DUPFD_CLOEXEC, 3);
    if (copy == -1) fail("fcntl");
    if (close(copy) == -1) fail("close");
  }
}

static void onto(long count) {
  for (long at = 0; at < count; at++) {
#ifdef __APPLE__
    if (dup2(source, target) == -1) fail("dup2");
    if (fcntl(target, F_SETFD, FD_CLOEXEC) == -1) fail("fcntl");
#else
    if (dup3(source, target, O_CLOEXEC) == -1) fail("dup3");
#endif
  }
}

static void failing(long count) {
  for (long at = 0; at < count; at++) {
    if (dup(closed) != -1 || errno != EBADF) fail("dup");
  }
}

static double measure(void (*operation)(long), int batches, long size) {
  double *times = allocate(batches, sizeof *times);
  operation(size * 4);
  for (int at = 0; at < batches; at++) {
    double start = now();
    operation(size);
    times[at] = (now() - start) / size;
  }
  double middle = median(times, batches);
  free(times);
  return middle;
}

int main(int count, char **arguments) {
  if (count != 4) {
    fputs("Usage: loop THREADS BATCHES SIZE\n", stderr);
    return 2;
  }
  int batches = atoi(arguments[2]);
  long size = atol(arguments[3]);
  if (atoi(arguments[1]) > 1) start_thread();
  source = open("/dev/null", O_RDONLY | O_CLOEXEC);
  target = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (source == -1 || target == -1) fail("open");
  /* A number below the size of the file table: for one beyond it the kernel fails sooner. */
  closed = fcntl(source, F_DUPFD_CLOEXEC, 100);
  if (closed == -1 || close(closed) == -1) fail("fcntl");

  printf("{\"version\":\"%s\",\"ns\":{\"pair\":%.2f", __VERSION__, measure(pair, batches, size));
  printf(",\"onto\":%.2f", measure(onto, batches, size));
  printf(",\"failing\":%.2f}}\n", measure(failing, batches, size / 20));
  return 0;
}
