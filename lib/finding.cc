// SPDX-License-Identifier: Apache-2.0
// The words of the JSON contract for severities and confidences.
#include "vpndoctor/finding.h"

namespace vpndoctor {

const char* severity_name(Severity severity) {
  switch (severity) {
    case Severity::kNotice:
      return "notice";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "error";
}

const char* confidence_name(Confidence confidence) {
  switch (confidence) {
    case Confidence::kSuspected:
      return "suspected";
    case Confidence::kLikely:
      return "likely";
    case Confidence::kProven:
      return "proven";
  }
  return "suspected";
}

}  // namespace vpndoctor
