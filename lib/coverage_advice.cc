// SPDX-License-Identifier: Apache-2.0
// The settings; see the header. OpenVPN: openvpn(8), --redirect-gateway, --pull-filter. WireGuard: wg(8), AllowedIPs.
#include "coverage_advice.h"

#include <algorithm>
#include <array>

namespace vpndoctor {
namespace {

struct Setting {
  std::string_view owner;  ///< empty: of a product that is not known
  const char* full;
  const char* split;
};

constexpr const char* kAllowedIps =
    "AllowedIPs in the tunnel's configuration decides: 0.0.0.0/0 and ::/0 take all of IPv4 and IPv6.";
constexpr const char* kOnlyAllowedIps =
    "AllowedIPs in the tunnel's configuration decides: name only the networks that are reached by it.";

constexpr auto kSettings = std::to_array<Setting>({
    {"wg-quick", kAllowedIps, kOnlyAllowedIps},
    {"WireGuard", kAllowedIps, kOnlyAllowedIps},
    {"OpenVPN",
     "\"redirect-gateway def1 ipv6\" in the configuration of OpenVPN, or pushed by its server, takes all of IPv4 and "
     "IPv6 from the next connection on; for IPv6 the server has to give the tunnel an address of it (server-ipv6).",
     "\"route\" in the configuration of OpenVPN names a network that is reached by it; where the server pushes "
     "redirect-gateway, \"pull-filter ignore redirect-gateway\" refuses that from the next connection on."},
    {"Tailscale", "An exit node takes all of IPv4 and IPv6 (tailscale set --exit-node=NAME).",
     "Without an exit node only the tailnet is reached by it (tailscale set --exit-node=)."},
    {"ipsec", "The traffic selectors decide (remote_ts with strongSwan): 0.0.0.0/0 and ::/0 take all of IPv4 and IPv6.",
     "The traffic selectors decide (remote_ts with strongSwan): name only the networks that are reached by it."},
    {"",
     "The VPN's configuration decides: AllowedIPs = 0.0.0.0/0, ::/0 with WireGuard, redirect-gateway def1 ipv6 with "
     "OpenVPN.",
     "The VPN's configuration decides: only the networks that are reached by it as AllowedIPs with WireGuard, no "
     "redirect-gateway with OpenVPN."},
});

}  // namespace

std::string coverage_setting(std::string_view owner, CoverageMode wanted) {
  const auto found = std::ranges::find(kSettings, owner, &Setting::owner);
  const Setting& setting = found == kSettings.end() ? kSettings.back() : *found;
  return wanted == CoverageMode::kSplit ? setting.split : setting.full;
}

}  // namespace vpndoctor
