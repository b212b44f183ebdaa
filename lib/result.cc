// SPDX-License-Identifier: Apache-2.0
// The words for kinds of errors. What exit code a kind means is decided in report.cc.
#include "vpndoctor/result.h"

namespace vpndoctor {

const char* error_kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUsage:
      return "usage";
    case ErrorKind::kUnknownHost:
      return "unknown_host";
    case ErrorKind::kNoRoute:
      return "no_route";
    case ErrorKind::kPermission:
      return "permission";
    case ErrorKind::kUnavailable:
      return "unavailable";
    case ErrorKind::kInternal:
      return "internal";
  }
  return "internal";
}

}  // namespace vpndoctor
