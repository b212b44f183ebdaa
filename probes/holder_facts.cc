// SPDX-License-Identifier: Apache-2.0
// Facts of holders; see the header.
#include "holder_facts.h"

#include <string>
#include <vector>

#include "wireguard_socket.h"

namespace vpndoctor {
namespace {

bool is_wireguard(const std::string& interface, const TunHolders& found, const std::vector<TunHolder>& likely) {
  if (!likely.empty()) return !find_wireguard_control(interface, likely).path.empty();
  // Anybody may see that a socket is listened on, only root by whom.
  return found.unreadable > 0 && listens_as_wireguard(interface);
}

}  // namespace

TunHolderFacts holder_facts(const Link& link, const TunHolders& found) {
  const std::vector<TunHolder> likely = found.likely();
  TunHolderFacts facts;
  facts.wireguard_socket = link.tun_type != kTapDevice && is_wireguard(link.name, found, likely);
  if (!likely.empty()) facts.process = likely.front().name;
  return facts;
}

}  // namespace vpndoctor
