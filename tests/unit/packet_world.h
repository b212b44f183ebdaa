// SPDX-License-Identifier: Apache-2.0
// A machine of two outgoing links and one incoming one, in the namespace of the calling test, with another namespace at
// the other ends that sees what arrives. Sends the first packet of a flow with real sockets. Knows no packet filter.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "in_namespace.h"
#include "vpndoctor/flow.h"

namespace vpndoctor::testing_support {

/// out0 has the default routes; alt0 those of packets with the mark 7; packets from 10.9.0.2 and 2a0e:99::2 come in by
/// in0. Call it inside of in_network_namespace().
class PacketWorld {
 public:
  PacketWorld();
  ~PacketWorld();
  PacketWorld(const PacketWorld&) = delete;
  PacketWorld& operator=(const PacketWorld&) = delete;

  /// Sends the first packet of the flow from a socket of its user with its mark, or into in0 where it has an input
  /// interface. The interface by which it left; empty: it did not.
  std::string send(const Flow& flow);

 private:
  struct Sockets;
  PeerNamespace peer_;
  std::unique_ptr<Sockets> sockets_;
};

}  // namespace vpndoctor::testing_support
