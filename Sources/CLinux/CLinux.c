#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static int64_t nanoseconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clinux_boottime_ns(void) { return nanoseconds(CLOCK_BOOTTIME); }

int64_t clinux_realtime_ns(void) { return nanoseconds(CLOCK_REALTIME); }

int clinux_clock_step_fd(void) {
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0) return -1;
    if (clinux_clock_step_rearm(fd) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

int clinux_clock_step_rearm(int fd) {
    // Some two centuries ahead: the timer exists for its cancellation, not for its expiry.
    struct itimerspec far = {.it_interval = {0, 0}, .it_value = {.tv_sec = 0xffffffffL * 2, .tv_nsec = 0}};
    return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

int clinux_peer_credentials(int fd, int32_t *pid, uint32_t *uid, uint32_t *gid) {
    struct ucred c;
    socklen_t n = sizeof c;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) != 0) return -1;
    *pid = c.pid;
    *uid = c.uid;
    *gid = c.gid;
    return 0;
}

int clinux_peer_groups(int fd, uint32_t *groups, int capacity) {
    socklen_t n = (socklen_t)((size_t)capacity * sizeof(gid_t));
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) == 0) return (int)(n / sizeof(gid_t));
    // ERANGE leaves the needed length in n.
    if (errno != ERANGE) return -1;
    int needed = (int)(n / sizeof(gid_t));
    gid_t *all = malloc(n);
    if (all == NULL) return -1;
    int result = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, all, &n);
    for (int i = 0; result == 0 && i < capacity && i < needed; i++) groups[i] = all[i];
    free(all);
    return result == 0 ? needed : -1;
}

int clinux_forbid_dumps(void) {
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0) return -1;
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void clinux_return_freed_memory(void) { malloc_trim(0); }
