/*
 * Preloaded into every process of a test: keeps sockets that are ready from the event loop for a while. epoll is level-triggered
 * as libuv uses it for sockets, so that nothing is lost: only the order in which connections are served is another, as it is
 * on a machine that is busy. Listeners are left alone: whether the kernel's queue is empty is told by what is accepted in a turn.
 *
 * REORDER_SHARE of the sockets that become ready are kept back, percent (default 20), each for at most REORDER_MS (default 20).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef int (*wait_fn)(int, struct epoll_event *, int, int, const sigset_t *);

/* Of a descriptor, in one thread. us of the monotonic clock */
struct held {
  uint64_t until;
  /* One that was kept back is shown next, and left alone for a moment. */
  uint64_t rests;
};

enum { DESCRIPTORS = 4096, REST_US = 1000, NAP_NS = 300000 };

static wait_fn wait_itself;
static unsigned share = 20, longest_ms = 20;
static __thread struct held *held;
static __thread uint64_t seed;

static uint64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* xorshift64 (Marsaglia, 2003) */
static unsigned chance(unsigned below) {
  if (seed == 0) seed = now_us() ^ (uint64_t)getpid() << 32 ^ (uintptr_t)&seed;
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (unsigned)(seed >> 16) % below;
}

static unsigned setting(const char *name, unsigned otherwise) {
  const char *text = getenv(name);
  return text == NULL ? otherwise : (unsigned)atoi(text);
}

__attribute__((constructor)) static void start(void) {
  wait_itself = (wait_fn)dlsym(RTLD_NEXT, "epoll_pwait");
  share = setting("REORDER_SHARE", share);
  longest_ms = setting("REORDER_MS", longest_ms);
}

static int is_connection(int fd) {
  int type = 0, listens = 0;
  socklen_t length = sizeof(int);
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_STREAM) return 0;
  length = sizeof(int);
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && !listens;
}

static int is_held(int fd) {
  if (fd < 0 || fd >= DESCRIPTORS || longest_ms == 0) return 0;
  if (held == NULL && (held = calloc(DESCRIPTORS, sizeof *held)) == NULL) return 0;
  struct held *it = &held[fd];
  uint64_t now = now_us();
  if (it->until > now) return 1;
  if (it->until != 0) {
    it->until = 0;
    it->rests = now + REST_US;
  }
  if (now < it->rests || chance(100) >= share || !is_connection(fd)) return 0;
  it->until = now + 1 + chance(longest_ms * 1000);
  return 1;
}

int epoll_pwait(int epoll, struct epoll_event *events, int most, int timeout_ms, const sigset_t *mask) {
  uint64_t began = now_us();
  for (;;) {
    int64_t left = timeout_ms;
    if (timeout_ms > 0) {
      left -= (int64_t)(now_us() - began) / 1000;
      if (left < 0) left = 0;
    }
    int ready = wait_itself(epoll, events, most, (int)left, mask);
    int shown = 0;
    for (int i = 0; i < ready; i++) {
      if (!is_held(events[i].data.fd)) events[shown++] = events[i];
    }
    if (ready <= 0) return ready;
    if (shown > 0 || left == 0) return shown;
    struct timespec nap = {0, NAP_NS};
    if (nanosleep(&nap, NULL) != 0 && errno == EINTR) return -1;
  }
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms) {
  return epoll_pwait(epoll, events, most, timeout_ms, NULL);
}
