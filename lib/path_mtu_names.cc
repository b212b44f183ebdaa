// SPDX-License-Identifier: Apache-2.0
// The words of the JSON contract for the enumerations of the path MTU measurement and diagnosis.
#include "vpndoctor/path_mtu.h"
#include "vpndoctor/path_mtu_diagnosis.h"

namespace vpndoctor {

const char* method_name(Method method) {
  switch (method) {
    case Method::kEcho:
      return "icmp";
    case Method::kUdp:
      return "udp";
    case Method::kTcp:
      return "tcp";
  }
  return "";
}

const char* path_mtu_status_name(PathMtuStatus status) {
  switch (status) {
    case PathMtuStatus::kBlackHole:
      return "black_hole";
    case PathMtuStatus::kMisreported:
      return "misreported";
    case PathMtuStatus::kSignalled:
      return "signalled";
    case PathMtuStatus::kClear:
      return "clear";
    case PathMtuStatus::kUndetermined:
      return "undetermined";
  }
  return "";
}

const char* direction_name(Direction direction) {
  switch (direction) {
    case Direction::kForward:
      return "forward";
    case Direction::kReverse:
      return "reverse";
    case Direction::kBoth:
      return "both";
  }
  return "";
}

}  // namespace vpndoctor
