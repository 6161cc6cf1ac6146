#define _GNU_SOURCE
#include "memory.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

// Folders of a sandbox that are file systems in memory.
static const char* const IN_MEMORY[] = {"tmp", "dev/shm"};
// How the names of files in memory begin.
static const char* const NAMES[] = {"/memfd:", "/dev/shm/", "/dev/zero", "/SYSV"};

typedef struct {
    dev_t device;
    ino_t inode; // 0: the whole file system
} File;

typedef struct {
    File* all;
    size_t count, room;
} Files;

static bool has(const Files* files, dev_t device, ino_t inode) {
    for (size_t i = 0; i < files->count; i++)
        if (files->all[i].device == device && (files->all[i].inode == inode || files->all[i].inode == 0)) return true;
    return false;
}

static bool add(Files* files, dev_t device, ino_t inode) {
    if (has(files, device, inode)) return false;
    if (files->count == files->room) {
        size_t room = files->room == 0 ? 16 : files->room * 2;
        File* all = realloc(files->all, room * sizeof *all);
        if (all == NULL) return false;
        files->all = all;
        files->room = room;
    }
    files->all[files->count++] = (File){device, inode};
    return true;
}

static bool is_in_memory(const char* name) {
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (strncmp(name, NAMES[i], strlen(NAMES[i])) == 0) return true;
    return false;
}

static long long file_systems(pid_t pid, Files* counted) {
    long long bytes = 0;
    for (size_t i = 0; i < sizeof IN_MEMORY / sizeof *IN_MEMORY; i++) {
        char path[64], ours[32];
        struct stat own, its;
        struct statvfs used;
        snprintf(path, sizeof path, "/proc/%d/root/%s", pid, IN_MEMORY[i]);
        snprintf(ours, sizeof ours, "/%s", IN_MEMORY[i]);
        if (stat(path, &its) != 0 || (stat(ours, &own) == 0 && own.st_dev == its.st_dev)) continue;
        if (statvfs(path, &used) == 0 && add(counted, its.st_dev, 0))
            bytes += (long long)(used.f_blocks - used.f_bfree) * (long long)used.f_frsize;
    }
    return bytes;
}

static long long open_files(pid_t pid, Files* counted) {
    char path[64], name[64];
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR* folder = opendir(path);
    if (folder == NULL) return 0;
    long long bytes = 0;
    for (struct dirent* entry; (entry = readdir(folder)) != NULL;) {
        struct stat file;
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, name, sizeof name - 1);
        if (length <= 0) continue;
        name[length] = 0;
        if (!is_in_memory(name) || fstatat(dirfd(folder), entry->d_name, &file, 0) != 0) continue;
        if (add(counted, file.st_dev, file.st_ino)) bytes += (long long)file.st_blocks * 512;
    }
    closedir(folder);
    return bytes;
}

static long long count_files(const Tree* tree, int sandboxed, Files* counted) {
    long long bytes = 0;
    if (sandboxed)
        for (size_t i = 0; i < tree->count; i++) bytes += file_systems(tree->all[i].pid, counted);
    for (size_t i = 0; i < tree->count; i++) bytes += open_files(tree->all[i].pid, counted);
    return bytes;
}

long long memory_files(const Tree* tree, int sandboxed) {
    Files counted = {0};
    long long bytes = count_files(tree, sandboxed, &counted);
    free(counted.all);
    return bytes;
}

long long memory_roughly(const Tree* tree, long long files) {
    long long bytes = files;
    for (size_t i = 0; i < tree->count; i++) bytes += tree->all[i].anon + tree->all[i].shmem + tree->all[i].swap;
    return bytes;
}

// A file of /proc about a process. NULL with `*bytes` 0 where the process has ended, and -1 where the system has none, or shows
// none to us.
static FILE* open_about(pid_t pid, const char* name, long long* bytes) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    FILE* file = fopen(path, "re");
    *bytes = file == NULL && (errno == EACCES || errno == EPERM || access("/proc/self/smaps_rollup", F_OK) != 0) ? -1 : 0;
    return file;
}

// Shared memory that is mapped and was not counted as a file.
static long long mapped_shared(pid_t pid, const Files* counted) {
    char line[512];
    long long bytes, kibibytes;
    FILE* file = open_about(pid, "smaps", &bytes);
    if (file == NULL) return bytes;
    bool wanted = false;
    while (fgets(line, sizeof line, file) != NULL) {
        unsigned major, minor;
        unsigned long inode;
        int name = 0;
        if (sscanf(line, "%*x-%*x %*s %*x %x:%x %lu %n", &major, &minor, &inode, &name) == 3)
            wanted = name > 0 && inode != 0 && is_in_memory(line + name) && !has(counted, makedev(major, minor), inode);
        else if (wanted && sscanf(line, "Pss: %lld kB", &kibibytes) == 1)
            bytes += kibibytes * 1024;
    }
    fclose(file);
    return bytes;
}

// Of its own; of what it shares with forks, its part.
static long long own_memory(pid_t pid) {
    char line[256];
    long long bytes, kibibytes;
    FILE* file = open_about(pid, "smaps_rollup", &bytes);
    if (file == NULL) return bytes;
    bool some = false, told = false;
    while (fgets(line, sizeof line, file) != NULL) {
        some = true;
        bool anon = sscanf(line, "Pss_Anon: %lld kB", &kibibytes) == 1;
        told |= anon;
        if (anon || sscanf(line, "SwapPss: %lld kB", &kibibytes) == 1) bytes += kibibytes * 1024;
    }
    fclose(file);
    // Without memory it is about to end; without this field the system is older than Linux 5.4.
    return some && !told ? -1 : bytes;
}

long long memory_exactly(const Tree* tree, int sandboxed) {
    Files counted = {0};
    long long bytes = count_files(tree, sandboxed, &counted);
    for (size_t i = 0; i < tree->count; i++) {
        const Process* process = &tree->all[i];
        long long own = own_memory(process->pid), shared = mapped_shared(process->pid, &counted);
        // Where only the rough number is known.
        bytes += own < 0 ? process->anon + process->swap : own;
        bytes += shared < 0 ? process->shmem : shared;
    }
    free(counted.all);
    return bytes;
}
