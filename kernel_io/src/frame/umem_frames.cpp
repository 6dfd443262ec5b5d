#include "umem_frames.hpp"

#include <skerry/base/huge_pages.hpp>

namespace skerry::kernel_io::frame {

using backend::HomingBlock;

Result<std::unique_ptr<Umem>> Umem::make(std::uint32_t frames) {
    std::unique_ptr<Umem> umem(new Umem(frames));
    umem->memory_bytes_ = std::size_t{frames} * chunk_bytes;
    umem->mapped_bytes_ = (umem->memory_bytes_ + huge_page_bytes - 1) / huge_page_bytes * huge_page_bytes;
    umem->memory_ = map_aligned(umem->mapped_bytes_);
    if (umem->memory_ == nullptr) return Errc::no_memory;
    want_huge_pages(umem->memory_, umem->mapped_bytes_);
    const std::size_t block_bytes = sizeof(HomingBlock) * frames;
    std::size_t space = block_bytes + cache_line_bytes;
    umem->block_memory_ = std::make_unique_for_overwrite<std::byte[]>(space);
    void* begin = umem->block_memory_.get();
    umem->blocks_ = static_cast<HomingBlock*>(std::align(cache_line_bytes, block_bytes, begin, space));
    std::byte* chunk = umem->memory_;
    for (std::uint32_t i = 0; i < frames; ++i, chunk += chunk_bytes) umem->add(umem->blocks_ + i, chunk, chunk_bytes);
    return umem;
}

Umem::~Umem() {
    if (memory_ != nullptr) unmap_aligned(memory_, mapped_bytes_);
}

void UmemFrames::take_all_back() noexcept {
    for (std::size_t i = 0; i < lent_.size(); ++i)
        for (; lent_[i] != 0; --lent_[i]) blocks_[i].frame.drop();
}

}  // namespace skerry::kernel_io::frame
