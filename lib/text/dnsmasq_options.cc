// SPDX-License-Identifier: Apache-2.0
// dnsmasq's options; see the header.
#include "vpndoctor/dnsmasq_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "dnsmasq_server_text.h"
#include "lines.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostServers = 10'000;
constexpr std::size_t kMostLinesTold = 20;

/// Short options that take a value (OPTSTRING), so that "-p 53" is not taken for something else.
constexpr std::string_view kShortWithValue = "rmpclsitugaxSCATHQIBFGOMXVUjPJWY2467803";

struct ShortOption {
  char letter;
  std::string_view name;
};
constexpr std::array kShortOptions{
    ShortOption{'S', "server"},         ShortOption{'A', "address"},     ShortOption{'C', "conf-file"},
    ShortOption{'7', "conf-dir"},       ShortOption{'r', "resolv-file"}, ShortOption{'R', "no-resolv"},
    ShortOption{'a', "listen-address"}, ShortOption{'1', "enable-dbus"}, ShortOption{'b', "bogus-priv"},
};
constexpr std::array<std::string_view, 11> kLongWithValue{"server",         "local",    "address",     "rev-server",
                                                          "conf-file",      "conf-dir", "resolv-file", "servers-file",
                                                          "listen-address", "port",     "interface"};

/// What bogus-priv answers itself (src/domain-match.c and forward.c: private_net(), RFC 6303).
constexpr std::array<std::string_view, 5> kPrivateZones{"10.in-addr.arpa", "168.192.in-addr.arpa", "127.in-addr.arpa",
                                                        "254.169.in-addr.arpa", "0.in-addr.arpa"};

class OptionReader {
 public:
  explicit OptionReader(DnsmasqOptions& options) : options_(options) {}

  void take(std::string_view name, std::string_view value) {
    if (name == "server" || name == "local") {
      take_server(value);
    } else if (name == "address") {
      take_address(value);
    } else if (name == "rev-server") {
      take_reverse_server(value);
    } else if (name == "bogus-priv") {
      take_private_zones();
    } else if (name == "no-resolv") {
      options_.no_resolv = true;
    } else if (name == "enable-dbus") {
      options_.takes_servers_over_bus = true;
      if (value == "org.freedesktop.NetworkManager.dnsmasq") options_.is_for_network_manager = true;
    } else {
      take_path(name, value);
    }
  }

  void fault(std::string_view text) {
    if (options_.not_understood.size() < kMostLinesTold) options_.not_understood.emplace_back(text);
  }

 private:
  void take_path(std::string_view name, std::string_view value) {
    std::vector<std::string>* list = name == "conf-file"        ? &options_.files
                                     : name == "conf-dir"       ? &options_.folders
                                     : name == "servers-file"   ? &options_.server_files
                                     : name == "resolv-file"    ? &options_.resolv_files
                                     : name == "listen-address" ? &options_.listen_addresses
                                                                : nullptr;
    if (list == nullptr || value.empty()) return;
    if (name != "listen-address") {
      list->emplace_back(value);
    } else {
      for (const std::string_view each : split(value, ",")) list->emplace_back(each);
    }
  }

  /// [/domain/domain/]SERVER
  void take_server(std::string_view value) {
    const auto parts = split_dnsmasq_domains(value);
    if (!parts || options_.servers.size() == kMostServers) return fault(value);
    if (parts->rest.empty()) return add_all(options_.never_forwarded, parts->domains);
    if (parts->rest == "#") return add_all(options_.default_domains, parts->domains);
    auto upstream = parse_dnsmasq_server(parts->rest);
    if (!upstream) return fault(value);
    upstream->domains = parts->domains;
    options_.servers.push_back(std::move(*upstream));
  }

  /// address=/domain/ADDRESS is answered from here; address=/domain/# is no address, but answered all the same.
  void take_address(std::string_view value) {
    const auto parts = split_dnsmasq_domains(value);
    if (!parts || parts->domains.empty()) return fault(value);
    add_all(options_.never_forwarded, parts->domains);
  }

  /// PREFIX,SERVER; without a server the zone is not forwarded.
  void take_reverse_server(std::string_view value) {
    const auto comma = value.find(',');
    auto domains = dnsmasq_reverse_domains(value.substr(0, comma));
    if (!domains || options_.servers.size() == kMostServers) return fault(value);
    if (comma == std::string_view::npos) return add_all(options_.never_forwarded, *domains);
    auto upstream = parse_dnsmasq_server(value.substr(comma + 1));
    if (!upstream) return fault(value);
    upstream->domains = std::move(*domains);
    options_.servers.push_back(std::move(*upstream));
  }

  void take_private_zones() {
    for (const std::string_view zone : kPrivateZones) options_.never_forwarded.emplace_back(zone);
    for (int second = 16; second < 32; ++second) {
      options_.never_forwarded.push_back(fmt::format("{}.172.in-addr.arpa", second));
    }
  }

  static void add_all(std::vector<std::string>& list, const std::vector<std::string>& more) {
    if (list.size() < kMostServers) list.insert(list.end(), more.begin(), more.end());
  }

  DnsmasqOptions& options_;
};

/// Leaves out a comment, which begins at the start or behind a blank, and quotes (one_file() and get_line() of
/// option.c).
std::string without_comment(std::string_view line) {
  std::string kept;
  bool in_quotes = false;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (c == '"') {
      in_quotes = !in_quotes;
      continue;
    }
    const bool begins_word = at == 0 || kBlanks.find(line[at - 1]) != std::string_view::npos;
    if (c == '#' && !in_quotes && begins_word) break;
    kept.push_back(c);
  }
  return kept;
}

std::string_view long_name_of(char letter) {
  const auto found = std::ranges::find(kShortOptions, letter, &ShortOption::letter);
  return found == kShortOptions.end() ? std::string_view() : found->name;
}

class ArgumentReader {
 public:
  ArgumentReader(std::span<const std::string> arguments, DnsmasqOptions& options)
      : arguments_(arguments), options_(options), reader_(options) {}

  void read() {
    while (at_ < arguments_.size()) {
      const std::string_view word = arguments_[at_++];
      if (word.starts_with("--")) {
        take_long(word.substr(2));
      } else if (word.starts_with('-') && word.size() > 1) {
        take_short(word.substr(1));
      }
    }
  }

 private:
  void take_long(std::string_view word) {
    const auto equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    if (equals != std::string_view::npos) return take(name, word.substr(equals + 1));
    const bool has_value = std::ranges::find(kLongWithValue, name) != kLongWithValue.end();
    take(name, has_value ? next() : std::string_view());
  }

  /// "-kRS10.0.0.1": letters without a value, then perhaps one with it.
  void take_short(std::string_view letters) {
    while (!letters.empty()) {
      const char letter = letters.front();
      letters.remove_prefix(1);
      if (kShortWithValue.find(letter) == std::string_view::npos) {
        take(long_name_of(letter), {});
        continue;
      }
      take(long_name_of(letter), letters.empty() ? next() : letters);
      return;
    }
  }

  std::string_view next() { return at_ < arguments_.size() ? std::string_view(arguments_[at_++]) : std::string_view(); }

  void take(std::string_view name, std::string_view value) {
    if (name == "conf-file") options_.has_main_file = true;
    reader_.take(name, value);
  }

  std::span<const std::string> arguments_;
  DnsmasqOptions& options_;
  OptionReader reader_;
  std::size_t at_ = 0;
};

bool is_same_server(const DnsServer& one, const DnsServer& other) {
  return one.address == other.address && one.port == other.port;
}

}  // namespace

void read_dnsmasq_file(std::string_view text, DnsmasqOptions& options) {
  OptionReader reader(options);
  for_each_line(text, [&reader](std::size_t /*number*/, std::string_view raw) {
    const std::string kept = without_comment(raw);
    const std::string_view line = trimmed(kept);
    const auto equals = line.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : line.substr(equals + 1);
    if (!line.empty()) reader.take(trimmed(line.substr(0, equals)), trimmed(value));
  });
}

void read_dnsmasq_arguments(std::span<const std::string> arguments, DnsmasqOptions& options) {
  ArgumentReader(arguments, options).read();
}

std::string_view dnsmasq_folder(std::string_view conf_dir) { return conf_dir.substr(0, conf_dir.find(',')); }

bool is_read_by_dnsmasq(std::string_view conf_dir, std::string_view file_name) {
  if (file_name.empty() || file_name.front() == '.' || file_name.front() == '#' || file_name.ends_with('~')) {
    return false;
  }
  std::vector<std::string_view> filters = split(conf_dir, ",");
  if (!filters.empty()) filters.erase(filters.begin());
  bool has_wanted = false;
  bool is_wanted = false;
  for (const std::string_view filter : filters) {
    if (filter.starts_with('*')) {
      // "*" alone takes everything, as if it were not there.
      has_wanted = has_wanted || filter.size() > 1;
      is_wanted = is_wanted || (filter.size() > 1 && file_name.ends_with(filter.substr(1)));
    } else if (file_name.ends_with(filter)) {
      return false;
    }
  }
  return !has_wanted || is_wanted;
}

DnsQuestionMessage servers_bind_question(std::uint16_t id) {
  constexpr std::uint16_t kTxt = 16;
  DnsQuestionMessage question;
  question.id = id;
  question.name = "servers.bind";
  question.type = kTxt;
  question.dns_class = kDnsClassChaos;
  question.edns_bytes = 4096;
  return question;
}

std::optional<std::vector<DnsmasqUpstream>> parse_servers_bind(const DnsMessage& reply) {
  const DnsQuestionMessage question = servers_bind_question(reply.id);
  if (!is_reply_to(reply, question) || reply.rcode != kDnsNoError || reply.answers.size() > 1) return std::nullopt;
  std::vector<DnsmasqUpstream> upstreams;
  if (reply.answers.empty()) return upstreams;  // it has no server
  const DnsRecord& record = reply.answers.front();
  if (record.type != question.type || record.dns_class != question.dns_class) return std::nullopt;
  for (const std::string& text : record.strings) {
    if (text.empty()) continue;
    auto upstream = parse_dnsmasq_counts(text);
    if (!upstream) return std::nullopt;
    upstreams.push_back(std::move(*upstream));
  }
  return upstreams;
}

std::vector<DnsmasqUpstream> join_dnsmasq_servers(const std::vector<DnsmasqUpstream>& live, DnsmasqOptions& options) {
  std::vector<DnsmasqUpstream> joined;
  std::vector<bool> found(options.servers.size());
  for (const DnsmasqUpstream& each : live) {
    const std::size_t before = joined.size();
    for (std::size_t i = 0; i < options.servers.size(); ++i) {
      const DnsmasqUpstream& configured = options.servers[i];
      if (!is_same_server(configured.server, each.server)) continue;
      found[i] = true;
      joined.push_back({each.server, configured.interface, configured.domains, each.queries, each.failed});
    }
    if (joined.size() == before) joined.push_back(each);
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i]) OptionReader(options).fault(options.servers[i].server.to_string());
  }
  const std::vector<DnsmasqUpstream> all = joined;
  for (const DnsmasqUpstream& each : all) {
    if (!each.domains.empty() || options.default_domains.empty()) continue;
    joined.push_back({each.server, each.interface, options.default_domains, each.queries, each.failed});
  }
  return joined;
}

}  // namespace vpndoctor
