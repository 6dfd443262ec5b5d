#pragma once

// What stands between %{ and }%: assertions about TCP_INFO of the connection that packets are about.

#include "evaluate.hpp"
#include "flow.hpp"
#include "system.hpp"

#include "../syntax/code.hpp"

#include <map>
#include <string>

namespace skerry::pkt {

/// Keeps what the blocks of a script have assigned.
class Assertions {
public:
    Assertions(System& system, Flows& flows) : system_(system), flows_(flows) {}

    /// Stops:  with a failure when an assertion does not hold; with a skip at what is not understood.
    void run(const syntax::CodeBlock& block);

private:
    [[nodiscard]] std::optional<Value> look_up(std::string_view name, const syntax::CodeBlock& block);
    [[nodiscard]] std::optional<Value> field_of_info(std::string_view name, const syntax::CodeBlock& block);

    System& system_;
    Flows& flows_;
    std::map<std::string, Value, std::less<>> assigned_;
};

}  // namespace skerry::pkt
