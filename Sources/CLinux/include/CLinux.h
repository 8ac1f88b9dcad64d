#pragma once

// What Linux has and Swift's Glibc module does not show: variadic calls, and headers it leaves out.
//
// Only fixed-width types and no system header but these two: a glibc header read here with other feature macros than
// Swift's own Glibc module reads it with would make two different definitions of one type.
#include <stddef.h>
#include <stdint.h>

/// Nanoseconds since boot, time asleep included (CLOCK_BOOTTIME).
int64_t clinux_boottime_ns(void);

/// Nanoseconds since 1970 by the wall clock (CLOCK_REALTIME).
int64_t clinux_realtime_ns(void);

/// A timerfd whose read(2) fails with ECANCELED once the wall clock was set, and which never expires by itself.
///
/// Returns the descriptor (non-blocking, close-on-exec), or -1 with errno set.
int clinux_clock_step_fd(void);

/// Re-arms the descriptor after it told of a step.
///
/// Returns 0, or -1 with errno set.
int clinux_clock_step_rearm(int fd);

/// The kernel's word on who connected (SO_PEERCRED).
///
/// Returns 0 and fills the three ids, or -1 with errno set.
int clinux_peer_credentials(int fd, int32_t *pid, uint32_t *uid, uint32_t *gid);

/// The supplementary groups of who connected (SO_PEERGROUPS, Linux 4.13).
///
/// Fills at most `capacity` ids and returns how many there are, which may be more; -1 with errno set.
int clinux_peer_groups(int fd, uint32_t *groups, int capacity);

/// Makes the process undumpable and unreadable for debuggers of the same user, and sets the core limit to 0.
///
/// Returns 0, or -1 with errno set.
int clinux_forbid_dumps(void);

/// Gives memory that was freed, and that malloc keeps for later, back to the kernel.
void clinux_return_freed_memory(void);

/// A pipe that holds these bytes and has no writing end any more (pipe2, F_SETPIPE_SZ).
///
/// Returns its reading end (close-on-exec), or -1 with errno set: EAGAIN if the bytes do not fit.
int clinux_pipe_holding(const uint8_t *bytes, size_t count);

/// Runs a program with `input` as its standard input and /dev/null for what it writes, in a process group of its own.
///
/// It has no other descriptor, and no signal is blocked or ignored. `words` and `environment` end with NULL. Returns 0 and
/// fills `pid`, or an error number.
int clinux_spawn(const char *path, char *const words[], char *const environment[], int input, int32_t *pid);
