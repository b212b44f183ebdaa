// SPDX-License-Identifier: Apache-2.0
// dnsmasq's options as far as they decide which server is asked for which name (src/option.c of dnsmasq 2.90), and what
// a dnsmasq tells of its servers. Pure; reads no file.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/dns_configuration.h"
#include "vpndoctor/dns_message.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct DnsmasqOptions {
  std::vector<DnsmasqUpstream> servers;       ///< server=, rev-server=: without counts
  std::vector<std::string> never_forwarded;   ///< local=/x/, server=/x/, address=/x/..., bogus-priv; canonical
  std::vector<std::string> default_domains;   ///< server=/x/#: asked of the default servers; canonical
  std::vector<std::string> files;             ///< conf-file=
  std::vector<std::string> folders;           ///< conf-dir=, with its filters: "/etc/dnsmasq.d,.bak"
  std::vector<std::string> server_files;      ///< servers-file=
  std::vector<std::string> resolv_files;      ///< resolv-file=
  std::vector<std::string> listen_addresses;  ///< listen-address=
  std::vector<std::string> not_understood;  ///< what of it may change the choice of servers, as written; the first few
  bool no_resolv = false;
  bool takes_servers_over_bus = false;  ///< enable-dbus
  bool is_for_network_manager = false;  ///< enable-dbus=org.freedesktop.NetworkManager.dnsmasq
  bool has_main_file = false;           ///< -C or --conf-file was an argument: /etc/dnsmasq.conf is not read
};

/// Adds what a configuration file says. Options that do not matter here are passed over.
void read_dnsmasq_file(std::string_view text, DnsmasqOptions& options);

/// Adds what the arguments behind the program's name say, long and short ones.
void read_dnsmasq_arguments(std::span<const std::string> arguments, DnsmasqOptions& options);

/// The folder of a conf-dir, without its filters.
std::string_view dnsmasq_folder(std::string_view conf_dir);
/// True when dnsmasq reads the file with this name in that folder: "dir,.bak" leaves out, "dir,*.conf" takes only.
bool is_read_by_dnsmasq(std::string_view conf_dir, std::string_view file_name);

/// The question for its servers, class CHAOS.
DnsQuestionMessage servers_bind_question(std::uint16_t id);

/// Its servers with their counts, each address once; null when the reply is none to that question or has another form.
std::optional<std::vector<DnsmasqUpstream>> parse_servers_bind(const DnsMessage& reply);

/// Gives the servers that a dnsmasq has the domains of its configuration. A server that the configuration does not name
/// is a default one: it comes from a resolv.conf or over D-Bus. A server that it names and the dnsmasq does not have is
/// added to `options.not_understood`: the file is not the one that the dnsmasq has read.
std::vector<DnsmasqUpstream> join_dnsmasq_servers(const std::vector<DnsmasqUpstream>& live, DnsmasqOptions& options);

}  // namespace vpndoctor
