// Runs a program and answers for all that comes from it: no process of its is left when the program has ended, when the host
// says so by SIGTERM, or when the host is gone, however its guests fork; and together they stay within a limit of memory and a
// number of tasks (processes and threads). It stands between the host and its child process, since neither can do that: the
// host may be killed, and guests can stop their own process.
//
//   supervisor <control> <memory> <tasks> <sandboxed> <group> <program> [<argument> …]
//
// `control` is the descriptor of a socket that the host holds open, and the first that the program does not get. `memory` is in
// bytes; 0 is no limit. It ends as the program did. Where a limit was passed it writes `memory <bytes>` or `tasks <number>` to
// the socket first, and `data <pid>` whenever another process of its is the one with the most data. Plain C for Linux.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "memory.h"
#include "tree.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define JOIN_SESSION_KEYRING 1

// Milliseconds between looks: while memory grows; while processor time is used; while nothing happens.
#define LOOK_GROWING 4
#define LOOK_BUSY 10
#define LOOK_IDLE 50
// Looks between those at open files.
#define LOOKS_TO_FILES 3
// Of a sandbox's session: as in worker-priority.ts.
#define GROUP_NICE "5"
// Bytes by which memory must differ between looks to count as growing.
#define GROWTH (1 << 20)

static struct {
    int control;
    long long memory;
    long tasks;
    int sandboxed;
    const char* group;  // NULL for none
    pid_t agent;
    bool reported;  // why they are ended
    int status;  // of the agent, as `waitpid` gives it; -1 while it runs
} self = {.status = -1};

static void close_from(unsigned first) {
    if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
    long most = sysconf(_SC_OPEN_MAX);
    for (long fd = first; fd < (most < 0 ? 65536 : most); fd++) close((int)fd);
}

static bool write_to_group(const char* name, const char* text) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", self.group, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) >= 0;
    if (fd >= 0) close(fd);
    return written;
}

// How often the system had to end processes of the group for want of memory.
static long long killed_in_group(void) {
    char path[4096], name[64];
    long long number, killed = 0;
    snprintf(path, sizeof path, "%s/memory.events", self.group);
    FILE* file = fopen(path, "re");
    if (file == NULL) return 0;
    while (fscanf(file, "%63s %lld", name, &number) == 2)
        if (strcmp(name, "oom_kill") == 0) killed = number;
    fclose(file);
    return killed;
}

static void become(char** command, const sigset_t* signals, pid_t supervisor) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor) _exit(1);
    // Away from the supervisor's session, whose priority is not to be lowered with the program's.
    setsid();
    if (self.group != NULL && !write_to_group("cgroup.procs", "0")) {
        fprintf(stderr, "the control group %s cannot be entered: %s\n", self.group, strerror(errno));
        _exit(126);
    }
    // Keys of the user who runs the host are the host's.
    syscall(SYS_keyctl, JOIN_SESSION_KEYRING, NULL);
    close_from((unsigned)self.control);
    sigprocmask(SIG_SETMASK, signals, NULL);
    execvp(command[0], command);
    fprintf(stderr, "%s cannot be started: %s\n", command[0], strerror(errno));
    _exit(127);
}

static void end_like_the_agent(void) {
    int status = self.status;
    if (status == -1) status = SIGKILL;
    if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    int number = WTERMSIG(status);
    signal(number, SIG_DFL);
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, number);
    kill(getpid(), number);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    _exit(128 + number);
}

// Before whatever the program's processes do, where that is allowed: one that forks without end would else have every core.
static void go_first(void) {
    struct sched_param first = {.sched_priority = 1};
    if (sched_setscheduler(0, SCHED_RR, &first) != 0) setpriority(PRIO_PROCESS, 0, -20);
}

// Linux may schedule sessions as groups, of which the program can lower its own where it can write to /proc. In a sandbox it
// cannot.
static void lower(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/autogroup", pid);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (write(fd, GROUP_NICE, strlen(GROUP_NICE)) < 0) {
        // There are no such groups.
    }
    close(fd);
}

static void report(const char* what, long long number) {
    char text[64];
    int length = snprintf(text, sizeof text, "%s %lld\n", what, number);
    if (send(self.control, text, (size_t)length, MSG_DONTWAIT) < 0) {
        // The host is gone, or does not listen.
    }
}

static void end_all(void) {
    if (self.group != NULL) {
        if (!self.reported && killed_in_group() > 0) report("memory", self.memory);
        write_to_group("cgroup.kill", "1");
    }
    tree_end(self.agent, &self.status);
    if (self.group != NULL) rmdir(self.group);
    end_like_the_agent();
}

static void report_and_end(const char* what, long long number) {
    // At once, before they take more.
    kill(self.agent, SIGSTOP);
    report(what, number);
    self.reported = true;
    end_all();
}

// Returns the milliseconds until the next look.
static int look(void) {
    static Tree tree;
    static unsigned looks;
    static long long files, ticks_before, memory_before;
    static pid_t most_data;
    tree_look(&tree);
    long tasks = 0;
    const Process* most = NULL;
    for (size_t i = 0; i < tree.count; i++) {
        tasks += tree.all[i].threads;
        if (most == NULL || tree.all[i].data > most->data) most = &tree.all[i];
    }
    if (most != NULL && most->pid != most_data) {
        report("data", most_data = most->pid);
        if (self.sandboxed) lower(most_data);
    }
    if (self.tasks > 0 && tasks > self.tasks) report_and_end("tasks", tasks);
    if (looks++ % LOOKS_TO_FILES == 0) files = memory_files(&tree, self.sandboxed);
    long long memory = memory_roughly(&tree, files);
    if (self.memory > 0 && memory > self.memory) {
        long long exactly = memory_exactly(&tree, self.sandboxed);
        if (exactly > self.memory) report_and_end("memory", exactly);
    }
    long long growth = memory - memory_before, ticks = tree_ticks(&tree);
    bool growing = growth > GROWTH || growth < -GROWTH, busy = ticks != ticks_before;
    memory_before = memory;
    ticks_before = ticks;
    return growing ? LOOK_GROWING : busy ? LOOK_BUSY : LOOK_IDLE;
}

static void on_signals(int signals) {
    struct signalfd_siginfo info;
    bool asked = false;
    while (read(signals, &info, sizeof info) == sizeof info) asked |= info.ssi_signo == SIGTERM;
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == self.agent) self.status = status;
    if (asked || self.status != -1) end_all();
}

int main(int count, char** arguments) {
    if (count < 7) {
        fputs("supervisor <control> <memory> <tasks> <sandboxed> <group> <program> [<argument> …]\n", stderr);
        return 2;
    }
    self.control = atoi(arguments[1]);
    self.memory = atoll(arguments[2]);
    self.tasks = atol(arguments[3]);
    self.sandboxed = atoi(arguments[4]);
    self.group = strcmp(arguments[5], "-") == 0 ? NULL : arguments[5];
    close_from((unsigned)self.control + 1);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGPIPE, SIG_IGN);
    sigset_t watched, before;
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, SIGTERM);
    sigprocmask(SIG_BLOCK, &watched, &before);
    int signals = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
    pid_t supervisor = getpid();
    self.agent = fork();
    if (self.agent == 0) {
        signal(SIGPIPE, SIG_DFL);
        become(arguments + 6, &before, supervisor);
    }
    if (self.agent < 0 || signals < 0) {
        perror("supervisor");
        return 1;
    }
    // The streams are the program's: whoever reads them waits for their end.
    for (int fd = 0; fd < self.control; fd++) close(fd);
    go_first();
    bool limited = self.memory > 0 || self.tasks > 0;
    struct pollfd polled[] = {{.fd = self.control, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    for (;;) {
        int ready = poll(polled, 2, limited ? look() : -1);
        if (ready > 0 && polled[1].revents != 0) on_signals(signals);
        char byte;
        if (ready > 0 && polled[0].revents != 0 && read(self.control, &byte, 1) <= 0) end_all();
    }
}
