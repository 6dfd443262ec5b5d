#include "fault.hpp"

namespace skerry::pkt::syntax {

std::string Fault::text() const { return place(file, at) + ": expected " + expected + ", found " + found; }

std::string place(std::string_view file, Position at) {
    return std::string(file) + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
}

}  // namespace skerry::pkt::syntax
