#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <spawn.h>
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

int clinux_pipe_holding(const uint8_t *bytes, size_t count) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    // Nobody reads yet, so a write that waits would wait for ever.
    int made = fcntl(ends[1], F_SETFL, O_NONBLOCK);
    // A pipe holds 64 KiB by itself, or less for a user who has many.
    if (made == 0 && count > 4096) fcntl(ends[1], F_SETPIPE_SZ, (int)count);
    ssize_t written = made == 0 ? write(ends[1], bytes, count) : -1;
    int saved = written < 0 ? errno : EAGAIN;
    close(ends[1]);
    if (written >= 0 && (size_t)written == count) return ends[0];
    close(ends[0]);
    errno = saved;
    return -1;
}

int clinux_spawn(const char *path, char *const words[], char *const environment[], int input, int32_t *pid) {
    posix_spawn_file_actions_t actions;
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0) return code;
    posix_spawnattr_t attributes;
    code = posix_spawnattr_init(&attributes);
    if (code != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return code;
    }
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    pid_t child = 0;
    if ((code = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)) == 0
        && (code = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)) == 0
        && (code = posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)) == 0
        && (code = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1)) == 0
        && (code = posix_spawnattr_setsigmask(&attributes, &none)) == 0
        && (code = posix_spawnattr_setsigdefault(&attributes, &all)) == 0
        && (code = posix_spawnattr_setpgroup(&attributes, 0)) == 0
        && (code = posix_spawnattr_setflags(
                &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)) == 0) {
        code = posix_spawn(&child, path, &actions, &attributes, words, environment);
    }
    *pid = (int32_t)child;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}
