/*
 * The yardstick: the same loops in C. `loop THREADS BATCHES SIZE` prints the median nanoseconds per
 * operation as JSON, as every subject does.
 *
 * With a second thread, even one that sleeps, the kernel counts the users of the process's file table
 * and takes a slower path. Every JavaScript runtime has more threads than one, so that is the speed
 * that it can reach at best.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int source, target, closed;

static void fail(const char *call) {
  perror(call);
  exit(1);
}

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

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static int ascending(const void *left, const void *right) {
  double difference = *(const double *)left - *(const double *)right;
  return (difference > 0) - (difference < 0);
}

static double measure(void (*operation)(long), int batches, long size) {
  double *times = malloc(batches * sizeof *times);
  if (times == NULL) fail("malloc");
  operation(size * 4);
  for (int at = 0; at < batches; at++) {
    double start = now();
    operation(size);
    times[at] = (now() - start) / size;
  }
  qsort(times, batches, sizeof *times, ascending);
  double median = times[batches / 2];
  free(times);
  return median;
}

static void *idle(void *nothing) {
  for (;;) pause();
  return nothing;
}

int main(int count, char **arguments) {
  if (count != 4) {
    fputs("Usage: loop THREADS BATCHES SIZE\n", stderr);
    return 2;
  }
  int batches = atoi(arguments[2]);
  long size = atol(arguments[3]);
  pthread_t thread;
  if (atoi(arguments[1]) > 1 && pthread_create(&thread, NULL, idle, NULL) != 0) {
    fputs("pthread_create failed\n", stderr);
    return 1;
  }
  source = open("/dev/null", O_RDONLY | O_CLOEXEC);
  target = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (source == -1 || target == -1) fail("open");
  /* A number that the file table has room for: a number beyond it would fail sooner. */
  closed = fcntl(source, F_DUPFD_CLOEXEC, 100);
  if (closed == -1 || close(closed) == -1) fail("fcntl");

  printf("{\"version\":\"%s\",\"ns\":{\"pair\":%.2f", __VERSION__, measure(pair, batches, size));
  printf(",\"onto\":%.2f", measure(onto, batches, size));
  printf(",\"failing\":%.2f}}\n", measure(failing, batches, size / 20));
  return 0;
}
