// SPDX-License-Identifier: Apache-2.0
// What systemd-resolved makes of a resolv.conf that is not one of its own. It looks at the file before each question to
// the global scope, so a snapshot may be older than what the next question meets.
#pragma once

#include <optional>
#include <string>

#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// The global scope as the next question finds it, when that is another one than the daemon has now.
struct ResolvedAdoption {
  ResolvedScope global;
  /// Why the daemon may as well keep what it has; empty: it does not.
  std::string uncertain;
};

/// manager_read_resolv_conf() of src/resolve/resolved-resolv-conf.c: the file's servers and search domains take the
/// place of the global scope's, unless resolved.conf has DNS= or Domains=, or the file is one of the daemon's own (what
/// it took before from a foreign file stays then) or is missing. nullopt: the scope stays as it is.
std::optional<ResolvedAdoption> adopted_global_scope(const Snapshot& snapshot, const ResolvedScope& now);

/// Why the scope may be another one at the next question, when the file that decides it is not known; empty: it is
/// known or does not matter.
std::string why_adoption_unknown(const Snapshot& snapshot);

}  // namespace vpndoctor
