/* What the C programs share: failing, the clock, the median, and the second thread. */
#ifndef COMMON_H
#define COMMON_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static inline void fail(const char *call) {
  perror(call);
  exit(1);
}

/* The monotonic clock, in nanoseconds. */
static inline double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static inline void *allocate(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (memory == NULL) fail("calloc");
  return memory;
}

static inline int ascending(const void *left, const void *right) {
  double difference = *(const double *)left - *(const double *)right;
  return (difference > 0) - (difference < 0);
}

/* The median. It sorts the values. */
static inline double median(double *values, int count) {
  qsort(values, count, sizeof *values, ascending);
  return values[count / 2];
}

static inline void *idle(void *nothing) {
  for (;;) pause();
  return nothing;
}

/*
 * With a second thread, even one that sleeps, the kernel counts the users of the process's file table
 * and takes a slower path. Every JavaScript runtime has more than one thread, so it cannot be faster
 * than a C program with two.
 */
static inline void start_thread(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, idle, NULL) == 0) return;
  fputs("pthread_create failed\n", stderr);
  exit(1);
}

#endif
