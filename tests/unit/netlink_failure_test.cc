// SPDX-License-Identifier: Apache-2.0
// What is said of a netlink that the system refuses.
#include <gtest/gtest.h>

#include <cerrno>

#include "netlink.h"

namespace vpndoctor {
namespace {

TEST(NetlinkFailure, ARefusalIsAMatterOfPermissionAndSaysWhereToLook) {
  for (const int number : {EPERM, EACCES}) {
    const Error error = netlink_failure("open netlink", number).error();
    EXPECT_EQ(error.kind, ErrorKind::kPermission);
    EXPECT_NE(error.hint.find("sandbox"), std::string::npos);
  }
  EXPECT_EQ(netlink_failure("open netlink", EACCES).error().message, "open netlink: Permission denied");
  const Error other = netlink_failure("open netlink", EPROTONOSUPPORT).error();
  EXPECT_EQ(other.kind, ErrorKind::kUnavailable);
  EXPECT_TRUE(other.hint.empty());
}

TEST(NetlinkFailure, AKindOfNetlinkThatIsNotThereIsSaidInTheSystemsWords) {
  constexpr int kNoProtocol = 31;
  const auto socket = open_netlink(kNoProtocol);
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().message, "open netlink: Protocol not supported");
}

}  // namespace
}  // namespace vpndoctor
