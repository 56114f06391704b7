/*
 * The yardstick for batches: `many HANDLES ROUNDS` duplicates so many handles, one call each, and
 * closes them, one call each. Prints the median nanoseconds a handle as JSON. A second thread sleeps,
 * as in loop.c.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *call) {
  perror(call);
  exit(1);
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

static void *idle(void *nothing) {
  for (;;) pause();
  return nothing;
}

int main(int count, char **arguments) {
  if (count != 3) {
    fputs("Usage: many HANDLES ROUNDS\n", stderr);
    return 2;
  }
  int handles = atoi(arguments[1]), rounds = atoi(arguments[2]);
  int *copies = malloc(handles * sizeof *copies);
  double *times = malloc(rounds * sizeof *times);
  pthread_t thread;
  if (copies == NULL || times == NULL || pthread_create(&thread, NULL, idle, NULL) != 0) fail("start");
  int source = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (source == -1) fail("open");
  for (int round = -rounds / 4; round < rounds; round++) {
    double start = now();
    for (int at = 0; at < handles; at++) {
      copies[at] = fcntl(source, F_DUPFD_CLOEXEC, 3);
      if (copies[at] == -1) fail("fcntl");
    }
    for (int at = 0; at < handles; at++) {
      if (close(copies[at]) == -1) fail("close");
    }
    if (round >= 0) times[round] = (now() - start) / handles;
  }
  qsort(times, rounds, sizeof *times, ascending);
  printf("{\"version\":\"%s\",\"value\":%.2f}\n", __VERSION__, times[rounds / 2]);
  return 0;
}
