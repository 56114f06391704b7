/* A program that knows nothing of this library: sends back each descriptor that it receives on its standard input. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

int main(void) {
    for (;;) {
        char bytes[4096];
        union {
            struct cmsghdr header;
            char space[CMSG_SPACE(253 * sizeof(int))];
        } control;
        struct iovec vector = {bytes, sizeof bytes};
        struct msghdr message = {0};
        message.msg_iov = &vector;
        message.msg_iovlen = 1;
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        ssize_t length = recvmsg(0, &message, MSG_CMSG_CLOEXEC);
        if (length <= 0) return length < 0;
        vector.iov_len = (size_t)length;
        message.msg_flags = 0;
        if (message.msg_controllen == 0) message.msg_control = NULL;
        if (sendmsg(0, &message, MSG_NOSIGNAL) != length) return 2;
        for (struct cmsghdr *each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each)) {
            int count = (int)((each->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            int fds[253];
            memcpy(fds, CMSG_DATA(each), (size_t)count * sizeof(int));
            for (int at = 0; at < count; at++) close(fds[at]);
        }
    }
}
