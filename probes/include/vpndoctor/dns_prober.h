// SPDX-License-Identifier: Apache-2.0
// Asks DNS servers as no resolver library does: each question over the interface that is asked for or not at all, with
// a chosen EDNS size, over UDP or TCP, waiting for a second answer behind the first, and with the network's own reason
// when there is none. Judges nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/dns_message.h"
#include "vpndoctor/dns_test.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// One question to one server.
struct DnsAsk {
  DnsServer server;
  std::string interface;  ///< bound to it (SO_BINDTODEVICE); empty: as the routes say
  std::string name;
  std::uint16_t type = kDnsTypeA;
  std::uint16_t dns_class = kDnsClassIn;
  DnsTransport transport = DnsTransport::kUdp;
  std::optional<std::uint16_t> edns_bytes;
};

struct DnsProbing {
  Milliseconds timeout{1500};  ///< of one try; TCP, which tries again by itself, has all of the tries' time
  unsigned tries = 2;
  /// How long a second answer to the same question may be behind the first.
  Milliseconds duplicate_wait{400};
  int interrupt_descriptor = -1;  ///< readable: stop asking; -1: none
  std::function<void(std::size_t done, std::size_t all)> progress = {};
};

/// Asks everything at once (at most 100 questions at a time) and returns what came of each, in order. After an
/// interruption the exchanges that were not over are kNotAsked.
std::vector<DnsExchange> ask_dns_servers(const std::vector<DnsAsk>& asks, const DnsProbing& probing = {});

}  // namespace vpndoctor
