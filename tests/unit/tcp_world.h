// SPDX-License-Identifier: Apache-2.0
// A client, a router and a server in network namespaces of their own, with real kernel TCP between them, for tests of
// the TCP prober. Knows nothing of what the prober should find.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "vpndoctor/tcp_prober.h"

namespace vpndoctor {

/// What listens on the server.
enum class TestServer {
  kNone,
  kAnswersRequest,  ///< 4000 bytes after the first data of a connection, as TLS servers do
  kSsh,             ///< a greeting at once, 1100 bytes after the client's
  kMute,            ///< accepts, reads, says nothing
  kHangsUp,         ///< seven bytes after the first data, then it closes, as after a TLS alert
  kOpenSsl,         ///< openssl s_server with a key of its own
};

struct TcpWorld {
  TestServer server = TestServer::kAnswersRequest;
  bool inet6 = false;
  int client_link_mtu = 1500;
  int server_link_mtu = 1500;
  std::vector<std::string> router_rules;     ///< nft rules of a forward chain; interfaces are "to-client", "to-server"
  std::vector<std::string> router_commands;  ///< run in the router's namespace when its links are up
  bool capture = true;
  TcpProbeOptions options;  ///< target, port and interfaces are filled in; port 443
  std::vector<std::uint32_t> sizes;
};

/// Builds the world, runs the prober in it and takes it down again. The error says why it could not be built here.
std::expected<TcpEvidence, std::string> examine_in(const TcpWorld& world);

}  // namespace vpndoctor
