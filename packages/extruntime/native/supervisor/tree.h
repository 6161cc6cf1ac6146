// The processes below the supervisor.
#pragma once
#include <stddef.h>
#include <sys/types.h>

typedef struct {
    pid_t pid;
    long threads;
    // In bytes, as /proc tells them at once: memory of its own or shared with forks (anon), shared memory, and what of them was
    // swapped out.
    long long anon, shmem, swap;
    // Bytes that it has mapped to write to, used or not.
    long long data;
} Process;

typedef struct {
    Process* all;
    size_t count, room;
    pid_t last_pid;
    unsigned looks;
} Tree;

// Finds processes that are new, and forgets those that are gone.
void tree_look(Tree* tree);

// Clock ticks of processor time that they have used.
long long tree_ticks(const Tree* tree);

// Ends everything below the supervisor and waits for it. `agent_status` gets the wait status of `agent` where it is reaped
// here.
void tree_end(pid_t agent, int* agent_status);
