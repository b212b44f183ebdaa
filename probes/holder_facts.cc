// SPDX-License-Identifier: Apache-2.0
// Facts of holders; see the header.
#include "holder_facts.h"

#include <vector>

#include "wireguard_socket.h"

namespace vpndoctor {

TunHolderFacts holder_facts(const std::string& interface, const TunHolders& found) {
  const std::vector<TunHolder> likely = found.likely();
  TunHolderFacts facts;
  // Anybody may see that a socket is listened on, only root by whom.
  facts.wireguard_socket =
      likely.empty() ? listens_as_wireguard(interface) : !find_wireguard_control(interface, likely).path.empty();
  if (!likely.empty()) facts.process = likely.front().name;
  return facts;
}

}  // namespace vpndoctor
