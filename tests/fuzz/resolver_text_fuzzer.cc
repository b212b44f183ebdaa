// SPDX-License-Identifier: Apache-2.0
// The text files of name resolution, of any content, each read as every one of them.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "vpndoctor/dns_overview.h"
#include "vpndoctor/resolver_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string owned(text);
  vpndoctor::ResolvConf file =
      vpndoctor::parse_resolv_conf(text, {.local_domain = owned, .res_options = owned, .host_name = owned});
  if (file.used_servers.empty() || file.used_servers.size() > 3 || file.used_search.empty()) __builtin_trap();
  if (file.ndots > 15 || file.timeout_seconds > 30 || file.attempts > 5) __builtin_trap();
  file.link_target = owned;
  file.mount_source = vpndoctor::mount_over(text, "/etc/resolv.conf");
  vpndoctor::resolv_conf_owner(file);
  const vpndoctor::NameServiceSwitch names = vpndoctor::parse_nsswitch(text);
  if (names.hosts.empty() && names.faults.empty()) __builtin_trap();
  for (const vpndoctor::HostsEntry& entry : vpndoctor::parse_hosts(text)) {
    if (entry.names.empty()) __builtin_trap();
  }
  vpndoctor::caches_hosts(text);
  vpndoctor::ResolvedSettings settings;
  vpndoctor::add_resolved_settings(text, settings);
  vpndoctor::add_kernel_command_line(text, settings);
  vpndoctor::parse_networkd_scope(text);
  return 0;
}
