// SPDX-License-Identifier: Apache-2.0
// A running lab: client -veth- gateway -TUN- emulated routers -TUN- target. Everything in it vanishes with it.
#pragma once

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "event_loop.h"
#include "namespaces.h"
#include "path.h"
#include "router.h"
#include "tcp_server.h"
#include "vpndoctor/result.h"

namespace vpndoctor::lab {

/// Returns the target's address, in front of which the whole path lies.
IpAddress target_address(Family family);

class Lab {
 public:
  /// Builds the namespaces and starts the routers; losses repeat themselves with the same seed.
  static Result<std::unique_ptr<Lab>> start(const PathConfig& path, std::uint64_t seed);
  ~Lab();
  Lab(const Lab&) = delete;

  const NetNamespace& client() const { return client_; }
  const NetNamespace& target() const { return target_; }

  /// Returns the path MTU to the target that the client's kernel has learned, if any.
  std::optional<std::uint32_t> client_cache(Family family) const;
  /// Makes the client's kernel believe a path MTU that the path does not have.
  Result<void> poison_client_cache(Family family, std::uint32_t mtu_bytes);

 private:
  Lab(NetNamespace client, NetNamespace gateway, NetNamespace target)
      : client_(std::move(client)), gateway_(std::move(gateway)), target_(std::move(target)) {}
  Result<void> connect_client(const PathConfig& path);
  Result<void> connect_gateway(const PathConfig& path);
  Result<void> connect_target(const PathConfig& path);
  Result<void> start_servers(const TargetConfig& target);
  void start_emulator(const PathConfig& path, std::uint64_t seed);
  /// Returns once the routers are about to do so, or, with 0, once they no longer are.
  void poison_next(std::uint32_t mtu_bytes);

  NetNamespace client_;
  NetNamespace gateway_;
  NetNamespace target_;
  Fd gateway_tun_;
  Fd target_tun_;
  EventLoop loop_;
  std::unique_ptr<PathEmulator> emulator_;
  std::vector<std::unique_ptr<TcpServer>> servers_;
  std::thread thread_;
};

}  // namespace vpndoctor::lab
