// SPDX-License-Identifier: Apache-2.0
// A finding: one thing that is wrong or worth knowing, with its proof and its remedy. The texts of a
// code live in the registry (codes.h); a finding carries what is particular to this occurrence.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace [[gnu::visibility("default")]] vpndoctor {

/// What breaks traffic or lets it out in clear is an error; what will break or leaks less a warning.
enum class Severity { kNotice, kWarning, kError };
enum class Confidence { kSuspected, kLikely, kProven };

const char* severity_name(Severity severity);        ///< "notice", "warning", "error"
const char* confidence_name(Confidence confidence);  ///< "suspected", "likely", "proven"

/// What the finding is about, e.g. {"path", "198.51.100.2"}, {"interface", "wg0"}, {"host", "example.org"}.
struct Subject {
  std::string kind;
  std::string id;
};

/// One piece of proof: kind ("probe", "icmp", "netlink", "capture", "file"), where it comes from, and a sentence.
struct Evidence {
  std::string kind;
  std::string source;
  std::string text;
};

/// One exact command or configuration line; `os` is "linux", "macos", "wireguard", "openvpn".
/// A configuration line (the last two) has the line's words in `argv` and is not run.
struct Command {
  std::string os;
  std::vector<std::string> argv;
  bool needs_root = false;
};

/// One thing to do. Several steps of a remedy are alternatives or go in order, as their sentences say.
struct RemedyStep {
  std::string summary;
  std::vector<Command> commands;
};

struct Remedy {
  std::string summary;            ///< the sentences of all steps
  std::vector<Command> commands;  ///< of all steps, in their order
  std::vector<RemedyStep> steps;
};

struct Finding {
  std::string code;  ///< a code of the registry, e.g. "MTU001"
  Severity severity = Severity::kNotice;
  Confidence confidence = Confidence::kProven;
  Subject subject;
  std::string title;   ///< one sentence with the numbers of this case
  std::string detail;  ///< what it means for the user
  std::vector<Evidence> evidence;
  Remedy remedy;
  std::vector<std::string> caused_by;  ///< codes of findings of the same report that explain this one
};

/// A check that was not made, and why: never shown as healthy.
struct Skipped {
  std::string code;
  std::string reason;
};

}  // namespace vpndoctor
