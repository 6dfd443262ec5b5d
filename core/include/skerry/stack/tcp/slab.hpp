#pragma once

// Objects of one kind under small numbers. The memory never moves and is never given back, so a pointer lives as long
// as its object; a number that is kept longer is told from its successor by the generation. Many objects lie in pages
// of 2 MiB.

#include "../../base/cache_line.hpp"
#include "../../base/object_memory.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace skerry::stack::tcp {

/// A number with the generation that it had.
struct SlabHandle {
    std::uint32_t index = 0;
    std::uint32_t generation = 0;

    friend constexpr bool operator==(const SlabHandle&, const SlabHandle&) noexcept = default;
};

/// Objects of `T`, which has a field `index`.
///
/// Lifetime: objects are freed before the slab goes away.
/// Threads:  one core.
template <class T>
class Slab {
public:
    Slab() noexcept = default;
    Slab(const Slab&) = delete;
    Slab& operator=(const Slab&) = delete;

    /// Null when there is no memory.
    [[nodiscard]] T* make() noexcept {
        if (free_ == no_index && !grow()) [[unlikely]]
            return nullptr;
        T* const object = new (memory(free_)) T();
        object->index = free_;
        free_ = label(free_).next_free;
        ++size_;
        return object;
    }
    void free(T& object) noexcept {
        const std::uint32_t index = object.index;
        object.~T();
        Label& freed = label(index);
        ++freed.generation;
        freed.next_free = free_;
        free_ = index;
        --size_;
    }

    [[nodiscard]] T& operator[](std::uint32_t index) noexcept {
        return *std::launder(reinterpret_cast<T*>(memory(index)));
    }
    [[nodiscard]] SlabHandle handle(const T& object) noexcept { return {object.index, label(object.index).generation}; }
    /// Null when the object is gone.
    [[nodiscard]] T* find(SlabHandle handle) noexcept {
        if (handle.index >= chunks_.size() * chunk_places || label(handle.index).generation != handle.generation)
            return nullptr;
        return &(*this)[handle.index];
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    static constexpr std::uint32_t no_index = 0xffff'ffff;
    static constexpr std::size_t chunk_places = 64;

    struct Label {
        std::uint32_t generation = 0;
        std::uint32_t next_free = no_index;
    };
    struct Chunk {
        alignas(T) std::array<std::byte, chunk_places * sizeof(T)> memory;
        std::array<Label, chunk_places> labels;
    };
    static_assert(alignof(Chunk) <= cache_line_bytes && sizeof(Chunk) <= ObjectMemory::piece_bytes_max);

    [[nodiscard]] std::byte* memory(std::uint32_t index) noexcept {
        return chunks_[index / chunk_places]->memory.data() + index % chunk_places * sizeof(T);
    }
    [[nodiscard]] Label& label(std::uint32_t index) noexcept {
        return chunks_[index / chunk_places]->labels[index % chunk_places];
    }
    [[nodiscard]] bool grow() noexcept try {
        const auto first = static_cast<std::uint32_t>(chunks_.size() * chunk_places);
        chunks_.push_back(nullptr);
        std::byte* const memory = memory_.cut(sizeof(Chunk));
        if (memory == nullptr) {
            chunks_.pop_back();
            return false;
        }
        chunks_.back() = new (memory) Chunk;
        for (std::uint32_t i = chunk_places; i-- > 0;) {
            label(first + i).next_free = free_;
            free_ = first + i;
        }
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }

    ObjectMemory memory_;
    std::vector<Chunk*> chunks_;
    std::uint32_t free_ = no_index;
    std::size_t size_ = 0;
};

}  // namespace skerry::stack::tcp
