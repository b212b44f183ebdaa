// SPDX-License-Identifier: Apache-2.0
// A Mac out of what its netstat and ifconfig print.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "vpndoctor/macos_text.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor::testing_support {

/// `inet` and `inet6` are the lines below the headings of `netstat -rn`.
inline Snapshot macos_machine(const std::string& interfaces, const std::string& inet, const std::string& inet6) {
  Snapshot snapshot;
  snapshot.platform = Platform::kMacos;
  const std::string heading = "Destination Gateway Flags Netif Expire\n";
  MacosRoutes routes = parse_macos_netstat("Internet:\n" + heading + inet + "\nInternet6:\n" + heading + inet6);
  EXPECT_TRUE(routes.not_understood.empty());
  MacosInterfaces parsed = parse_macos_ifconfig(interfaces);
  snapshot.routes = {std::move(routes.table), "test"};
  snapshot.links = {std::move(parsed.links), "test"};
  snapshot.addresses = {std::move(parsed.addresses), "test"};
  snapshot.rules = Observed<std::vector<Rule>>::missing("macOS has no policy rules");
  return snapshot;
}

}  // namespace vpndoctor::testing_support
