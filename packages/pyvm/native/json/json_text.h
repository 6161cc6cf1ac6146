// What reader and writer share: looking for the next byte of a JSON string that is not itself, eight at a time.
#pragma once

#include <cstdint>
#include <cstring>

namespace pyvm {

// Bytes that must follow the end of any text given to the scanner, so that it may read past it.
constexpr std::size_t kTextPadding = 16;

inline std::uint64_t load_word(const char* at) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

// The high bit of every byte of `word` that is a quote, a backslash, a control character or not ASCII. A byte after the
// first such byte may be marked in error, so only the first is meant.
inline std::uint64_t special_bytes(std::uint64_t word) {
    constexpr std::uint64_t ones = 0x0101010101010101ull;
    constexpr std::uint64_t highs = 0x8080808080808080ull;
    std::uint64_t quote = word ^ (ones * '"');
    std::uint64_t backslash = word ^ (ones * '\\');
    return (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | ((word - ones * 0x20) & ~word) | word) & highs;
}

// The first byte from `at` on that special_bytes marks.
inline const char* find_special(const char* at) {
    for (;; at += 8) {
        if (std::uint64_t found = special_bytes(load_word(at))) return at + (__builtin_ctzll(found) >> 3);
    }
}

}  // namespace pyvm
