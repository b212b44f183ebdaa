// SPDX-License-Identifier: Apache-2.0
// What the text files of name resolution say, each as the program reads it that obeys it: glibc, nscd,
// systemd-resolved. Knows neither where the text came from nor what the files mean together. Pure, and never fails: a
// file may hold anything.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/dns_configuration.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// What glibc's resolver takes from elsewhere than its file.
struct ResolverEnvironment {
  std::optional<std::string> local_domain;  ///< LOCALDOMAIN: replaces the search list, also when it is empty
  std::optional<std::string> res_options;   ///< RES_OPTIONS: after the options of the file
  std::string host_name;                    ///< behind its first dot is the domain when the file has none
};

/// Reads resolv.conf as glibc 2.36 does (resolv/res_init.c): everything of ResolvConf but what describes the file
/// itself. An empty text gives glibc's defaults.
ResolvConf parse_resolv_conf(std::string_view text, const ResolverEnvironment& environment = {});

/// Reads the hosts line of nsswitch.conf as glibc 2.36 does (nss/nss_database.c, nss/nss_action_parse.c): the last one
/// counts; a fault in the line of any database makes it refuse the whole file, and then `hosts` is empty.
NameServiceSwitch parse_nsswitch(std::string_view text);
/// What glibc uses when there is no file: "files dns".
NameServiceSwitch default_nsswitch();

/// Reads /etc/hosts as glibc does (nss/nss_files/files-hosts.c): lines without an address that inet_pton() takes, or
/// without a name, are left out; so is one whose address has a zone.
std::vector<HostsEntry> parse_hosts(std::string_view text);

/// True when nscd.conf says that lookups of hosts are cached (nscd/nscd_conf.c): the last "enable-cache hosts" counts.
bool caches_hosts(std::string_view nscd_conf);

/// Adds what one file of resolved.conf(5) says to what the files before it said, as systemd does
/// (src/resolve/resolved-conf.c, src/shared/conf-parser.c): lists grow, an empty value resets them. Returns false when
/// something in it makes systemd read neither the rest nor any file that follows.
bool add_resolved_settings(std::string_view text, ResolvedSettings& settings);
/// Adds what the kernel's command line says (nameserver=, domain=), which replaces what the files said. Returns true
/// when it says something. Only systemd 253 and newer listen to it.
bool add_kernel_command_line(std::string_view text, ResolvedSettings& settings);

/// What systemd-networkd tells systemd-resolved about a link (/run/systemd/netif/links/N), as the latter reads it
/// (src/resolve/resolved-link.c). `interface`, `interface_index` and `live_protocols` are left alone; nullopt when
/// networkd does not manage the link, so that nothing of the file counts.
std::optional<ResolvedScope> parse_networkd_scope(std::string_view text);

/// Where something is mounted over a file: the text of /proc/self/mountinfo (proc(5)) tells by `path`. The folder or
/// file of the source that is mounted there, or the source itself; empty when nothing is.
std::string mount_over(std::string_view mountinfo, std::string_view path);

}  // namespace vpndoctor
