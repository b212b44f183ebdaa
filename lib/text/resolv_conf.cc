// SPDX-License-Identifier: Apache-2.0
// Reads resolv.conf and the environment that changes it, step by step as glibc does: a line is a C string, blanks are
// spaces and tabs alone, options are known by their beginning.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <utility>

#include "text/lines.h"
#include "vpndoctor/resolver_text.h"

namespace vpndoctor {
namespace {

constexpr std::string_view kSpaces = " \t";
constexpr std::size_t kMostNotes = 16;
constexpr std::size_t kLongestNote = 256;
constexpr std::size_t kMostServers = 3;  // MAXNS
constexpr int kMostDots = 15;            // RES_MAXNDOTS
constexpr int kMostSeconds = 30;         // RES_MAXRETRANS
constexpr int kMostAttempts = 5;         // RES_MAXRETRY
constexpr unsigned kDotsMask = 0xf;      // a field of four bits

std::string_view skip_spaces(std::string_view text) {
  const auto first = text.find_first_not_of(kSpaces);
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

/// What stands behind a keyword in the first column and the blank that must follow it.
std::optional<std::string_view> value_of(std::string_view line, std::string_view keyword) {
  if (!line.starts_with(keyword) || line.size() == keyword.size()) return std::nullopt;
  if (kSpaces.find(line[keyword.size()]) == std::string_view::npos) return std::nullopt;
  return skip_spaces(line.substr(keyword.size()));
}

/// The whole text as strtol() and a cast to int read it: blanks, a sign, digits, and whatever comes then.
int leading_number(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n\v\f\r");
  if (first == std::string_view::npos) return 0;
  text.remove_prefix(first);
  const bool is_negative = text[0] == '-';
  if (is_negative || text[0] == '+') text.remove_prefix(1);
  std::int64_t number = 0;
  if (text.empty() || text[0] < '0' || text[0] > '9') return 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) {
    number = is_negative ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
  } else if (is_negative) {
    number = -number;
  }
  return static_cast<int>(static_cast<std::uint32_t>(number));
}

/// One number of inet_aton(): decimal, octal behind a 0, hexadecimal behind 0x.
std::optional<std::uint32_t> take_part(std::string_view& text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9') {
    base = 8;
  }
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

/// What glibc's inet_aton() makes of the text: one to four numbers, of which the last fills the bytes that are left.
std::optional<IpAddress> parse_loose_quad(std::string_view text) {
  std::array<std::uint32_t, 4> parts{};
  std::size_t count = 0;
  while (true) {
    if (count == parts.size() || text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
    const auto part = take_part(text);
    if (!part) return std::nullopt;
    parts[count++] = *part;
    if (text.empty()) break;
    if (text[0] != '.' || *part > UINT8_MAX) return std::nullopt;
    text.remove_prefix(1);
  }
  const unsigned rest_bits = 8 * (5 - static_cast<unsigned>(count));
  if (rest_bits < 32 && parts[count - 1] >> rest_bits != 0) return std::nullopt;
  IpAddress address;
  for (std::size_t i = 0; i + 1 < count; ++i) address.bytes[i] = static_cast<std::uint8_t>(parts[i]);
  for (std::size_t i = count - 1; i < 4; ++i) {
    address.bytes[i] = static_cast<std::uint8_t>(parts[count - 1] >> (8 * (3 - i)));
  }
  return address;
}

std::optional<DnsServer> parse_server(std::string_view text) {
  DnsServer server;
  if (const auto quad = parse_loose_quad(text)) {
    server.address = *quad;
    return server;
  }
  const auto percent = text.find('%');
  const auto address = IpAddress::parse(text.substr(0, percent));
  if (!address || address->family != Family::kInet6) return std::nullopt;
  server.address = *address;
  if (percent != std::string_view::npos) server.zone = text.substr(percent + 1);
  return server;
}

/// glibc drops one dot at the beginning of a search domain; what is empty then is the root.
std::string search_name(std::string_view name) {
  if (name.starts_with('.')) name.remove_prefix(1);
  return canonical_dns_name(name);
}

void take_search(std::string_view value, std::vector<std::string>& search) {
  search.clear();
  for (const std::string_view name : split(value, kSpaces)) search.push_back(search_name(name));
}

/// LOCALDOMAIN begins with a name even when that is empty.
std::vector<std::string> search_of_environment(std::string_view value) {
  value = value.substr(0, value.find('\n'));
  std::vector<std::string> search;
  const auto end = value.find_first_of(kSpaces);
  search.push_back(search_name(value.substr(0, end)));
  if (end == std::string_view::npos) return search;
  for (const std::string_view name : split(value.substr(end), kSpaces)) search.push_back(search_name(name));
  return search;
}

void take_number(std::string_view value, int most, unsigned& out) {
  out = static_cast<unsigned>(std::clamp(leading_number(value), 0, most));
}

struct OptionFlag {
  std::string_view name;
  bool ResolvConf::* flag;
};
/// In glibc's order; all that counts of a word is that it begins so.
constexpr std::array<OptionFlag, 9> kOptionFlags = {{
    {"rotate", &ResolvConf::rotate},
    {"edns0", &ResolvConf::edns0},
    {"single-request-reopen", &ResolvConf::single_request},
    {"single-request", &ResolvConf::single_request},
    {"no_tld_query", &ResolvConf::no_tld_query},
    {"no-tld-query", &ResolvConf::no_tld_query},
    {"use-vc", &ResolvConf::use_tcp},
    {"trust-ad", &ResolvConf::trust_ad},
    {"no-aaaa", &ResolvConf::no_aaaa},
}};

/// `rest` begins with the option and goes on to the end of the line: a number may stand behind a blank.
void take_option(std::string_view rest, ResolvConf& file) {
  if (rest.starts_with("ndots:")) {
    const int dots = leading_number(rest.substr(6));
    file.ndots = static_cast<unsigned>(std::min(dots, kMostDots)) & kDotsMask;
  } else if (rest.starts_with("timeout:")) {
    take_number(rest.substr(8), kMostSeconds, file.timeout_seconds);
  } else if (rest.starts_with("attempts:")) {
    take_number(rest.substr(9), kMostAttempts, file.attempts);
  } else {
    for (const OptionFlag& each : kOptionFlags) {
      if (rest.starts_with(each.name)) file.*each.flag = true;
    }
  }
}

void take_options(std::string_view text, ResolvConf& file) {
  for (text = skip_spaces(text); !text.empty();) {
    take_option(text, file);
    const auto end = text.find_first_of(kSpaces);
    text = end == std::string_view::npos ? std::string_view() : skip_spaces(text.substr(end));
  }
}

void take_note(std::string_view line, ResolvConf& file) {
  const auto first = line.find_first_not_of("#;");
  if (first == std::string_view::npos) return;
  const std::string_view note = trimmed(line.substr(first)).substr(0, kLongestNote);
  if (!note.empty() && file.notes.size() < kMostNotes) file.notes.emplace_back(note);
}

void take_nameserver(std::string_view value, ResolvConf& file) {
  value = value.substr(0, value.find_first_of(kSpaces));
  if (const auto server = parse_server(value)) {
    file.nameservers.push_back(*server);
  } else {
    file.not_servers.emplace_back(value);
  }
}

void take_line(std::string_view line, ResolvConf& file) {
  if (line.starts_with('#') || line.starts_with(';')) return take_note(line, file);
  if (const auto domain = value_of(line, "domain"); domain && !domain->empty()) {
    file.search = {search_name(domain->substr(0, domain->find_first_of(kSpaces)))};
  } else if (const auto search = value_of(line, "search"); search && !search->empty()) {
    take_search(*search, file.search);
  } else if (const auto server = value_of(line, "nameserver")) {
    take_nameserver(*server, file);
  } else if (const auto options = value_of(line, "options")) {
    for (const std::string_view word : split(*options, kSpaces)) file.options.emplace_back(word);
    take_options(*options, file);
  }
}

void take_environment(const ResolverEnvironment& environment, ResolvConf& file) {
  file.used_search = file.search;
  if (environment.local_domain) {
    file.environment.push_back("LOCALDOMAIN=" + *environment.local_domain);
    file.used_search = search_of_environment(*environment.local_domain);
  }
  const auto dot = environment.host_name.find('.');
  if (file.used_search.empty() && dot != std::string::npos) {
    file.used_search.push_back(search_name(std::string_view(environment.host_name).substr(dot + 1)));
  }
  if (!environment.res_options) return;
  file.environment.push_back("RES_OPTIONS=" + *environment.res_options);
  take_options(*environment.res_options, file);
}

}  // namespace

ResolvConf parse_resolv_conf(std::string_view text, const ResolverEnvironment& environment) {
  ResolvConf file;
  for_each_line(
      text, [&](std::size_t /*number*/, std::string_view line) { take_line(line.substr(0, line.find('\0')), file); });
  file.used_servers = file.nameservers;
  if (file.used_servers.size() > kMostServers) file.used_servers.resize(kMostServers);
  if (file.used_servers.empty()) file.used_servers.emplace_back().address = *IpAddress::parse("127.0.0.1");
  take_environment(environment, file);
  return file;
}

}  // namespace vpndoctor
