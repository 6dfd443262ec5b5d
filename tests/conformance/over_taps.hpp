#pragma once

// The main of a conformance program over TAP devices, in a network of its own.

#include "fixture.hpp"

#include "support/own_network.hpp"

#include <skerry/runtime/runtime.hpp>

#include <initializer_list>
#include <iostream>
#include <string>

namespace skerry::conformance {

inline int run_over_taps(int argc, char** argv, std::initializer_list<std::string> devices) {
    std::string why_not = tests::enter_own_network();
    for (const std::string& device : devices)
        if (why_not.empty() &&
            !(tests::ip("tuntap add " + device + " mode tap") && tests::ip("link set " + device + " up")))
            why_not = "no TAP device can be made";
    if (why_not.empty())
        if (auto runtime = make_runtime(); !runtime) why_not = runtime.error().message;
    if (!why_not.empty()) {
        std::cout << "skipped: tap cannot run here: " << why_not << '\n';
        return tests::skip_exit_code;
    }
    return tests::run_all(argc, argv);
}

}  // namespace skerry::conformance
