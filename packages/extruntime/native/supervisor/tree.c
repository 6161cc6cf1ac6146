#define _GNU_SOURCE
#include "tree.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Looks after which all of /proc is read once again, should a number have been missed.
#define LOOKS_TO_SCAN 64
// Rounds of a millisecond and more after which what cannot be ended is left behind: a program of another user, or a disk that
// does not answer.
#define END_ROUNDS 2000

static ssize_t read_file(const char* path, char* buffer, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    size_t length = 0;
    ssize_t piece;
    // The system gives a long file in pieces.
    while ((piece = read(fd, buffer + length, size - 1 - length)) > 0) length += (size_t)piece;
    close(fd);
    if (piece < 0) return -1;
    buffer[length] = 0;
    return (ssize_t)length;
}

static long long field(const char* status, const char* name) {
    const char* at = strstr(status, name);
    return at == NULL ? 0 : atoll(at + strlen(name));
}

static bool knows(const Tree* tree, pid_t pid) {
    if (pid == getpid()) return true;
    for (size_t i = 0; i < tree->count; i++)
        if (tree->all[i].pid == pid) return true;
    return false;
}

// Reads one process. False where it is none, or none of the tree.
static bool read_process(const Tree* tree, pid_t pid, Process* process) {
    // Before its memory stand its groups, of which a process may give itself 65,536.
    static char status[1 << 20];
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    if (read_file(path, status, sizeof status) < 0) return false;
    // A thread's number names a file, too.
    if (field(status, "\nTgid:") != pid || !knows(tree, (pid_t)field(status, "\nPPid:"))) return false;
    process->pid = pid;
    process->threads = (long)field(status, "\nThreads:");
    process->anon = field(status, "\nRssAnon:") * 1024;
    process->shmem = field(status, "\nRssShmem:") * 1024;
    process->data = field(status, "\nVmData:") * 1024;
    process->swap = field(status, "\nVmSwap:") * 1024;
    return true;
}

static void add(Tree* tree, pid_t pid) {
    Process process;
    if (pid == getpid() || knows(tree, pid) || !read_process(tree, pid, &process)) return;
    if (tree->count == tree->room) {
        size_t room = tree->room == 0 ? 64 : tree->room * 2;
        Process* all = realloc(tree->all, room * sizeof *all);
        if (all == NULL) return;
        tree->all = all;
        tree->room = room;
    }
    tree->all[tree->count++] = process;
}

static void scan(Tree* tree) {
    // Again as long as parents are found after their children.
    for (size_t before = tree->count + 1; before != tree->count;) {
        before = tree->count;
        DIR* folder = opendir("/proc");
        if (folder == NULL) return;
        for (struct dirent* entry; (entry = readdir(folder)) != NULL;)
            if (isdigit((unsigned char)entry->d_name[0])) add(tree, atoi(entry->d_name));
        closedir(folder);
    }
}

void tree_look(Tree* tree) {
    size_t kept = 0;
    for (size_t i = 0; i < tree->count; i++) {
        Process process = tree->all[i];
        if (read_process(tree, process.pid, &process)) tree->all[kept++] = process;
        // Its parent may stand behind it.
        else
            tree->all[i].pid = 0;
    }
    tree->count = kept;
    // The last number that the system gave: only those since the last look can be new.
    char text[128];
    const char* at = read_file("/proc/loadavg", text, sizeof text) < 0 ? NULL : strrchr(text, ' ');
    pid_t last = at == NULL ? 0 : atoi(at + 1);
    if (last < tree->last_pid || last == 0 || tree->looks++ % LOOKS_TO_SCAN == 0)
        scan(tree);
    else
        for (pid_t pid = tree->last_pid + 1; pid <= last; pid++) add(tree, pid);
    tree->last_pid = last;
}

long long tree_ticks(const Tree* tree) {
    long long ticks = 0;
    for (size_t i = 0; i < tree->count; i++) {
        char path[64], text[1024];
        snprintf(path, sizeof path, "/proc/%d/stat", tree->all[i].pid);
        const char* at = read_file(path, text, sizeof text) < 0 ? NULL : strrchr(text, ')');
        long long user = 0, system = 0;
        if (at != NULL && sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld", &user, &system) == 2)
            ticks += user + system;
    }
    return ticks;
}

static void reap(pid_t agent, int* agent_status) {
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == agent) *agent_status = status;
}

static bool has_children(void) {
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

static void signal_all(int signal) {
    Tree tree = {0};
    scan(&tree);
    for (size_t i = 0; i < tree.count; i++) kill(tree.all[i].pid, signal);
    free(tree.all);
}

void tree_end(pid_t agent, int* agent_status) {
    kill(agent, SIGKILL);
    // All that loses its parent is the supervisor's child, so nothing is left when it has none.
    for (int round = 0; round < END_ROUNDS; round++) {
        reap(agent, agent_status);
        if (!has_children()) return;
        // Stopped first, lest they fork faster than they are found.
        if (round > 0) {
            signal_all(SIGSTOP);
            signal_all(SIGKILL);
        }
        nanosleep(&(struct timespec){.tv_nsec = round < 20 ? 1000000 : 5000000}, NULL);
    }
}
