#pragma once

// SocketAddr and IpAddr, where users of net look for them; they are base types because the seam needs them.

#include "../base/socket_addr.hpp"
