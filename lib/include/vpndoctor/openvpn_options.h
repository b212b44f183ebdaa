// SPDX-License-Identifier: Apache-2.0
// Reads which servers an OpenVPN client was told to use, from its command line and its configuration file. Knows no
// other option, and skips inline keys and certificates.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace [[gnu::visibility("default")]] vpndoctor {

struct OpenvpnRemote {
  std::string host;  ///< name or address
  std::uint16_t port = 1194;
  bool tcp = false;
  bool operator==(const OpenvpnRemote&) const = default;
};

struct OpenvpnOptions {
  std::vector<OpenvpnRemote> remotes;  ///< in the order of the options
  std::vector<std::string> configs;    ///< files named by --config, as written
  std::string directory;               ///< --cd: what relative names of files refer to; empty: none
};

/// Reads the words of a command line, the program's name first (/proc/PID/cmdline split at NUL).
OpenvpnOptions parse_openvpn_arguments(const std::vector<std::string>& arguments);

/// Reads a configuration file; `port`, `rport` and `proto` outside a <connection> apply to every remote that
/// says none itself. Lines that are not understood are skipped, as are inline blocks other than <connection>.
OpenvpnOptions parse_openvpn_config(std::string_view text);

}  // namespace vpndoctor
