#include "cpython/arenas.h"

#include <sys/mman.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "cpython/python_api.h"

namespace pyvm {

namespace {

// Free arenas that are kept: the next interpreter's. A fresh one costs the system a fault for each page that is touched.
constexpr std::size_t kMostKept = 4;

// CPython finds an arena by its address in a tree, whose nodes are large and taken as zeroed memory right after the arena.
constexpr std::size_t kSmallestNode = 64 * 1024;

constexpr int kRawDomain = 0;

// The current thread has just taken an arena, and what it takes next may be nodes for it.
thread_local bool took_arena = false;

PyMemAllocatorEx raw_allocator;

struct Arena {
    std::size_t size;
    const PyInterpreterState* owner;
};

struct Node {
    void* memory;
    std::size_t size;
    const PyInterpreterState* owner;

    bool points_to(const Node& other) const {
        auto** begin = static_cast<void**>(memory);
        return std::find(begin, begin + size / sizeof(void*), other.memory) != begin + size / sizeof(void*);
    }
};

// The interpreter that this thread is attached to; null where it is attached to none, as while CPython makes or ends an
// interpreter that a guest asked for.
const PyInterpreterState* current_interpreter() {
    // 3.13 gave it a public name.
    auto* current = py.PyThreadState_GetUnchecked != nullptr ? py.PyThreadState_GetUnchecked : py._PyThreadState_UncheckedGet;
    PyThreadState* attached = current == nullptr ? nullptr : current();
    return attached == nullptr ? nullptr : py.PyThreadState_GetInterpreter(attached);
}

class Arenas {
  public:
    void* take(std::size_t size) {
        const PyInterpreterState* owner = current_interpreter();
        std::scoped_lock lock(mutex_);
        void* arena = kept(size);
        if (arena == nullptr) arena = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (arena == MAP_FAILED) return nullptr;
        taken_.emplace(arena, Arena{size, owner});
        took_arena = true;
        return arena;
    }

    void give(void* arena, std::size_t size) {
        std::scoped_lock lock(mutex_);
        taken_.erase(arena);
        drop(arena, size);
    }

    void add_node(void* memory, std::size_t size) {
        const PyInterpreterState* owner = current_interpreter();
        // Nobody's, so nobody gives it back.
        if (owner == nullptr) return;
        std::scoped_lock lock(mutex_);
        nodes_.push_back({memory, size, owner});
    }

    void release(const PyInterpreterState* ended) {
        std::scoped_lock lock(mutex_);
        bool some_left = false;
        for (auto at = taken_.begin(); at != taken_.end();) {
            if (at->second.owner != ended) {
                at++;
                continue;
            }
            some_left = true;
            drop(at->first, at->second.size);
            at = taken_.erase(at);
        }
        release_nodes(ended, some_left);
    }

  private:
    void* kept(std::size_t size) {
        if (kept_.empty() || kept_size_ != size) return nullptr;
        void* arena = kept_.back();
        kept_.pop_back();
        return arena;
    }

    void drop(void* arena, std::size_t size) {
#ifdef PYVM_GUARD_ARENAS
        // Whoever still looks at it ends the process.
        mprotect(arena, size, PROT_NONE);
#else
        if (kept_.size() < kMostKept && (kept_.empty() || kept_size_ == size)) {
            kept_size_ = size;
            kept_.push_back(arena);
        } else {
            munmap(arena, size);
        }
#endif
    }

    // Where CPython has given all arenas back, it may have given the nodes back too.
    void release_nodes(const PyInterpreterState* ended, bool unused) {
        std::vector<Node> own;
        std::erase_if(nodes_, [&](const Node& node) {
            if (node.owner != ended) return false;
            own.push_back(node);
            return true;
        });
        if (!unused) return;
        // What belongs to a tree has a parent or a child in it. Anything else is somebody else's.
        std::vector<bool> in_tree(own.size());
        for (std::size_t i = 0; i < own.size(); i++) {
            for (std::size_t j = 0; j < own.size(); j++) {
                if (i != j && own[i].points_to(own[j])) in_tree[i] = in_tree[j] = true;
            }
        }
        for (std::size_t i = 0; i < own.size(); i++) {
            if (in_tree[i]) raw_allocator.free(raw_allocator.context, own[i].memory);
        }
    }

    std::mutex mutex_;  // guards what follows
    std::unordered_map<void*, Arena> taken_;
    std::vector<Node> nodes_;
    std::vector<void*> kept_;  // all of `kept_size_`
    std::size_t kept_size_ = 0;
};

// Never destroyed: Python runs while the process ends.
Arenas& arenas() {
    static auto* all = new Arenas;
    return *all;
}

void* raw_calloc(void* context, std::size_t count, std::size_t size) {
    void* memory = raw_allocator.calloc(context, count, size);
    if (!took_arena) return memory;
    if (count == 1 && size >= kSmallestNode) {
        if (memory != nullptr) arenas().add_node(memory, size);
    } else {
        took_arena = false;
    }
    return memory;
}

}  // namespace

void install_arenas() {
    // Then an ended interpreter leaves its arenas behind.
    if (py.PyObject_SetArenaAllocator == nullptr || py.PyMem_GetAllocator == nullptr || py.PyMem_SetAllocator == nullptr)
        return;
    PyObjectArenaAllocator allocator{
        nullptr,
        [](void*, std::size_t size) { return arenas().take(size); },
        [](void*, void* arena, std::size_t size) { arenas().give(arena, size); },
    };
    py.PyObject_SetArenaAllocator(&allocator);
    py.PyMem_GetAllocator(kRawDomain, &raw_allocator);
    PyMemAllocatorEx watched = raw_allocator;
    watched.calloc = raw_calloc;
    py.PyMem_SetAllocator(kRawDomain, &watched);
}

void release_arenas(const PyInterpreterState* ended) { arenas().release(ended); }

}  // namespace pyvm
