#include "json/key_cache.h"

namespace pyvm {

PyObject* KeyCache::get(const char* key, std::size_t size) {
    if (size > kLongest) return py.PyUnicode_FromKindAndData(1, key, size);
    if (entries_.empty()) entries_.resize(kEntries);
    Entry& entry = entries_[place(key, size)];
    if (entry.text && entry.size == size && std::memcmp(entry.bytes, key, size) == 0) {
        if (entry.hits < kHitsToIntern && ++entry.hits == kHitsToIntern && interned_ < kMostInterned) {
            // Guests look keys up by constants of their code, which are interned: from now on one pointer comparison.
            PyObject* text = entry.text.release();
            if (py.PyUnicode_InternInPlace != nullptr) py.PyUnicode_InternInPlace(&text);
            entry.text = Ref::steal(text);
            interned_++;
        }
        add_reference(entry.text.get());
        return entry.text.get();
    }
    PyObject* text = py.PyUnicode_FromKindAndData(1, key, size);
    if (text == nullptr) return nullptr;
    entry.text = Ref::share(text);
    entry.size = static_cast<std::uint8_t>(size);
    entry.hits = 0;
    std::memcpy(entry.bytes, key, size);
    return text;
}

}  // namespace pyvm
