// Python strings for the keys of JSON objects, which repeat from payload to payload.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "cpython/python_ref.h"

namespace pyvm {

// Belongs to one executor; used on attached threads only, one at a time. Bounded: an entry is replaced by the next key
// that falls on its place, so that hostile keys cost time, never memory.
class KeyCache {
  public:
    static constexpr std::size_t kLongest = 40;  // bytes of a key that is kept

    // A new reference to the str of an ASCII key, or null with an error pending.
    PyObject* get(const char* key, std::size_t size);
    void clear() { entries_.clear(); }

  private:
    struct Entry {
        Ref text;
        std::uint8_t size = 0;
        std::uint8_t hits = 0;
        char bytes[kLongest];
    };
    static constexpr std::size_t kEntries = 512;  // a power of two
    // An interned string may live as long as its interpreter, so their number is bounded too.
    static constexpr std::uint32_t kMostInterned = 1024;
    static constexpr std::uint8_t kHitsToIntern = 4;

    static std::size_t place(const char* key, std::size_t size) {
        std::uint64_t head = 0;
        std::uint64_t tail = 0;
        if (size >= 8) {
            std::memcpy(&head, key, 8);
            std::memcpy(&tail, key + size - 8, 8);
        } else {
            std::memcpy(&head, key, size);
        }
        std::uint64_t mixed = (head ^ (tail * 0x9E3779B97F4A7C15ull) ^ size) * 0xD6E8FEB86659FD93ull;
        return (mixed >> 40) & (kEntries - 1);
    }

    std::vector<Entry> entries_;  // made at the first key
    std::uint32_t interned_ = 0;
};

}  // namespace pyvm
