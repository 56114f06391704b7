/*
 * The yardstick for batches: `many HANDLES ROUNDS` duplicates HANDLES handles, with one call each, and
 * closes them, with one call each. Prints the median nanoseconds a handle as JSON. A second thread sleeps.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include "common.h"

int main(int count, char **arguments) {
  if (count != 3) {
    fputs("Usage: many HANDLES ROUNDS\n", stderr);
    return 2;
  }
  int handles = atoi(arguments[1]), rounds = atoi(arguments[2]);
  int *copies = allocate(handles, sizeof *copies);
  double *times = allocate(rounds, sizeof *times);
  start_thread();
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
  printf("{\"version\":\"%s\",\"value\":%.2f}\n", __VERSION__, median(times, rounds));
  return 0;
}
