// SPDX-License-Identifier: Apache-2.0
// Tables, chains, rules, sets and their elements as nf_tables sends them, with the payloads of xtables; then a packet
// that is followed through what was read.
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "nft_decode.h"
#include "vpndoctor/firewall.h"
#include "vpndoctor/snapshot.h"
#include "vpndoctor/wire.h"

namespace {

using vpndoctor::Family;

/// A table with what the message told, in chains of every hook.
vpndoctor::Snapshot machine_with(vpndoctor::Bytes bytes) {
  vpndoctor::FirewallTable table{.family = "inet", .name = "t"};
  vpndoctor::FirewallChain chain{.name = "c", .type = "route", .hook = vpndoctor::FirewallHook::kOutput};
  if (auto rule = vpndoctor::decode_nft_rule(bytes)) chain.rules.push_back(std::move(rule->rule));
  if (auto set = vpndoctor::decode_nft_set(bytes)) table.sets.push_back(std::move(set->set));
  if (auto elements = vpndoctor::decode_nft_elements(bytes)) {
    vpndoctor::FirewallSet set{.name = "s", .flags = 0xffff, .key_bytes = 8, .field_bytes = {4, 2}};
    set.elements = std::move(elements->elements);
    table.sets.push_back(std::move(set));
    chain.rules.push_back({.expressions = {{.name = "lookup", .subject = "s", .source = 4}}});
  }
  table.chains = {chain};
  vpndoctor::Snapshot snapshot;
  vpndoctor::Firewall firewall;
  firewall.tables = {std::move(table)};
  snapshot.firewall = vpndoctor::Observed<vpndoctor::Firewall>(std::move(firewall), "netlink");
  return snapshot;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(size > 0 ? 1 : 0);
  vpndoctor::decode_nft_table(bytes);
  vpndoctor::decode_nft_chain(bytes);
  vpndoctor::decode_nft_generation(bytes);
  const vpndoctor::Snapshot snapshot = machine_with(bytes);
  for (const std::uint8_t protocol : {vpndoctor::kProtocolTcp, vpndoctor::kProtocolUdp, std::uint8_t{0}}) {
    vpndoctor::Flow flow;
    flow.destination = *vpndoctor::IpAddress::parse(protocol == 0 ? "2001:db8::1" : "9.9.9.9");
    flow.ip_protocol = protocol;
    flow.destination_port = 443;
    vpndoctor::simulate_output(snapshot, flow, "eth0");
  }
  return 0;
}
