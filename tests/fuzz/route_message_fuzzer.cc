// SPDX-License-Identifier: Apache-2.0
// Routes, links, addresses, rules, nexthop objects, neighbours and counters as rtnetlink sends them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "interface_counters.h"
#include "rtnl_decode.h"

namespace {

/// Reading a route's key alone must not refuse what the whole is read from, nor read another key.
void check_key(vpndoctor::Bytes bytes, vpndoctor::InterfaceNames& names) {
  std::string rest;
  const auto key = vpndoctor::decode_route_key(bytes, rest);
  const auto route = vpndoctor::decode_route(bytes, names);
  if (route && !key) std::abort();
  if (route && (route->route.destination != key->route.destination || route->route.metric != key->route.metric)) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  vpndoctor::InterfaceNames names;
  names.set(1, "lo");
  check_key(bytes, names);
  if (const auto link = vpndoctor::decode_link(bytes)) vpndoctor::resolve_link_names(*link, names);
  vpndoctor::decode_address(bytes, names);
  vpndoctor::decode_rule(bytes);
  vpndoctor::decode_next_hop_object(bytes, names);
  vpndoctor::decode_neighbour(bytes, names);
  vpndoctor::decode_link_counters(bytes);
  vpndoctor::decode_root_queue(bytes);
  return 0;
}
