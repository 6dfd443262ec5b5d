#pragma once

// What a fresh namespace is set to before a script begins: the kernel without what the profile `linux` does not have,
// so that a verdict is about the rules that both follow and not about which algorithm a machine happens to prefer.

namespace skerry::pkt::kernel {

/// In the namespace of the thread. What this kernel has no setting for stays as it is.
void apply_profile_settings();

}  // namespace skerry::pkt::kernel
