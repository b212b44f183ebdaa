// SPDX-License-Identifier: Apache-2.0
// `scutil --dns`: headings of sections, "resolver #N", and one field a line as "name : value". What a field means for
// a name is dns_explain_macos.cc's to say.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "lines.h"
#include "macos_limits.h"
#include "vpndoctor/macos_text.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

using Section = MacosResolver::Section;

constexpr std::size_t kMostResolvers = 512;
constexpr std::size_t kMostValues = 64;  // of one resolver's field; a link has a few servers and search domains
constexpr std::size_t kLongestDomainName = 1009;  // kDNSServiceMaxDomainName: 254 bytes, each escaped to four
constexpr std::size_t kLongestWord = 64;          // a flag, an option, an address with its zone

// SCNetworkReachability's words. Before 10.9 or so the line had no name in front of them.
constexpr std::array<std::string_view, 10> kReachWords = {"Not Reachable",
                                                          "Reachable",
                                                          "Transient Connection",
                                                          "Connection Required",
                                                          "Automatic Connection On Traffic",
                                                          "Automatic Connection On Demand",
                                                          "Intervention Required",
                                                          "Local Address",
                                                          "Directly Reachable Address",
                                                          "WWAN"};

/// "Scoped, Request A records"; nullopt when there are more words, or longer ones, than such a line has.
std::optional<std::vector<std::string>> comma_separated(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view each : split(text, ",")) {
    const std::string_view word = trimmed(each);
    if (word.empty()) continue;
    if (word.size() > kLongestWord || words.size() == kMostValues) return std::nullopt;
    words.emplace_back(word);
  }
  return words;
}

/// What stands in the parentheses of "0x00000002 (Reachable)", also when the text was cut before they end; without
/// them everything.
std::string_view in_parentheses(std::string_view text) {
  if (!text.starts_with("0x")) return text;
  const auto open = text.find('(');
  if (open == std::string_view::npos) return text;
  text.remove_prefix(open + 1);
  return text.substr(0, text.rfind(')'));
}

bool are_reach_words(std::string_view line) {
  const auto pieces = split(line, ",");
  return std::ranges::all_of(
      pieces, [](std::string_view piece) { return std::ranges::count(kReachWords, trimmed(piece)) != 0; });
}

/// Numbers are printed as signed ones, whatever they are.
template <class Number>
std::optional<Number> printed_signed(std::string_view text) {
  if (const auto number = parse_number<Number>(text)) return number;
  const auto number = parse_number<std::make_signed_t<Number>>(text);
  return number ? std::optional(static_cast<Number>(*number)) : std::nullopt;
}

/// An address, with a zone when it is link-local; never with a port.
std::optional<DnsServer> parse_nameserver(std::string_view text) {
  if (text.size() > kLongestWord) return std::nullopt;
  DnsServer server;
  if (const auto percent = text.find('%'); percent != std::string_view::npos) {
    server.zone = text.substr(percent + 1);
    text = text.substr(0, percent);
    if (server.zone.empty() || server.zone.size() > kLongestMacosInterface) return std::nullopt;
  }
  const auto address = IpAddress::parse(text);
  if (!address) return std::nullopt;
  server.address = *address;
  return server;
}

/// "search domain[3]" is "search domain".
std::string_view without_index(std::string_view name) {
  if (!name.ends_with(']')) return name;
  return trimmed(name.substr(0, name.rfind('[')));
}

template <class T>
bool append(std::vector<T>& list, std::optional<T> value) {
  if (!value || list.size() == kMostValues) return false;
  list.push_back(std::move(*value));
  return true;
}

std::optional<std::string> name_in(std::string_view text) {
  if (text.empty() || text.size() > kLongestDomainName) return std::nullopt;
  return canonical_dns_name(text);
}

std::optional<std::string> short_text(std::string_view text) {
  if (text.empty() || text.size() > kLongestWord) return std::nullopt;
  return std::string(text);
}

template <class T>
bool assign(T& target, std::optional<T> value) {
  if (!value) return false;
  target = std::move(*value);
  return true;
}

template <class T>
bool assign(std::optional<T>& target, std::optional<T> value) {
  if (!value) return false;
  target = std::move(value);
  return true;
}

/// "5 (en0)"; "(?)" is an interface that was gone when the dump was made.
bool read_interface(MacosResolver& resolver, std::string_view text) {
  const auto open = text.find('(');
  if (!assign(resolver.interface_index, parse_number<int>(trimmed(text.substr(0, open))))) return false;
  if (open == std::string_view::npos) return true;
  text.remove_prefix(open + 1);
  const std::string_view name = trimmed(text.substr(0, text.rfind(')')));
  if (name.size() > kLongestMacosInterface) return false;
  if (name != "?") resolver.interface = name;
  return true;
}

bool read_domain(MacosResolver& resolver, std::string_view text) {
  if (text.empty() || text == ".") return true;
  return assign(resolver.domain, name_in(text));
}

using FieldReader = bool (*)(MacosResolver&, std::string_view);

/// Sets what a field says; false when its value is none that it can have.
constexpr std::array<std::pair<std::string_view, FieldReader>, 13> kFields = {{
    {"domain", read_domain},
    {"search domain", [](MacosResolver& to, std::string_view text) { return append(to.search, name_in(text)); }},
    {"nameserver", [](MacosResolver& to, std::string_view text) { return append(to.servers, parse_nameserver(text)); }},
    {"sortaddr", [](MacosResolver& to, std::string_view text) { return append(to.sort_addresses, short_text(text)); }},
    {"options", [](MacosResolver& to, std::string_view text) { return assign(to.options, short_text(text)); }},
    {"port",
     [](MacosResolver& to, std::string_view text) { return assign(to.port, printed_signed<std::uint16_t>(text)); }},
    {"timeout", [](MacosResolver& to,
                   std::string_view text) { return assign(to.timeout_seconds, printed_signed<std::uint32_t>(text)); }},
    {"if_index", read_interface},
    {"service_identifier",
     [](MacosResolver& to, std::string_view text) {
       return assign(to.service_identifier, printed_signed<std::uint64_t>(text));
     }},
    {"flags",
     [](MacosResolver& to, std::string_view text) { return assign(to.flags, comma_separated(in_parentheses(text))); }},
    {"reach",
     [](MacosResolver& to, std::string_view text) { return assign(to.reach, comma_separated(in_parentheses(text))); }},
    {"order",
     [](MacosResolver& to, std::string_view text) { return assign(to.order, printed_signed<std::uint32_t>(text)); }},
    {"config id", [](MacosResolver&, std::string_view) { return true; }},
}};

std::optional<Section> section_of_heading(std::string_view line) {
  if (line == "DNS configuration") return Section::kUnscoped;
  if (!line.starts_with("DNS configuration (for ")) return std::nullopt;
  if (line.contains("service-specific")) return Section::kServiceSpecific;
  if (line.contains("scoped")) return Section::kScoped;
  return std::nullopt;
}

/// Goes through the lines and keeps what they say.
class ScutilReader {
 public:
  /// Returns false at the end of the first dump.
  bool take(std::string_view text) {
    const std::string_view line = trimmed(text);
    if (line.empty()) return true;
    if (line == "No DNS configuration available") return take_absence();
    if (const auto section = section_of_heading(line)) return take_heading(*section);
    if (line.starts_with("resolver #")) {
      begin_resolver(line);
    } else if (!take_field(line) && has_begun_) {
      complain(fmt::format("{} was not understood", in_quotes(line)));
    }
    return true;
  }

  std::optional<MacosDns> finish() {
    if (!has_begun_) return std::nullopt;
    finish_resolver();
    return std::move(result_);
  }

 private:
  bool take_absence() {
    if (has_begun_) return true;
    result_.has_configuration = false;
    has_begun_ = true;
    return false;
  }

  bool take_heading(Section section) {
    if (section == Section::kUnscoped && has_begun_ && !result_.resolvers.empty()) {
      complain("a second dump was left out");
      return false;
    }
    finish_resolver();
    has_begun_ = true;
    section_ = section;
    return true;
  }

  void begin_resolver(std::string_view line) {
    finish_resolver();
    const auto number = parse_number<unsigned>(line.substr(line.find('#') + 1));
    has_begun_ = true;
    if (!number) return complain(fmt::format("{} was not understood", in_quotes(line)));
    if (result_.resolvers.size() == kMostResolvers) return complain("there are more resolvers than can be kept");
    current_ = &result_.resolvers.emplace_back();
    current_->section = section_;
    current_->number = *number;
  }

  // Sections of a dump never hold another section's flag; pasted text may have lost the heading.
  void finish_resolver() {
    if (current_ == nullptr) return;
    if (std::ranges::count(current_->flags, "Service-specific") != 0) {
      current_->section = Section::kServiceSpecific;
    } else if (std::ranges::count(current_->flags, "Scoped") != 0) {
      current_->section = Section::kScoped;
    }
    for (DnsServer& server : current_->servers) server.port = current_->port.value_or(kDnsPort);
    current_ = nullptr;
  }

  bool take_field(std::string_view line) {
    if (current_ == nullptr) return false;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) {
      return are_reach_words(line) && assign(current_->reach, comma_separated(line));
    }
    const std::string_view name = without_index(trimmed(line.substr(0, colon)));
    const auto* const field = std::ranges::find(kFields, name, &std::pair<std::string_view, FieldReader>::first);
    return field != kFields.end() && field->second(*current_, trimmed(line.substr(colon + 1)));
  }

  void complain(std::string phrase) {
    auto& list = result_.not_understood;
    if (list.size() < kMostComplaints && std::ranges::count(list, phrase) == 0) list.push_back(std::move(phrase));
  }

  MacosDns result_;
  MacosResolver* current_ = nullptr;
  Section section_ = Section::kUnscoped;
  bool has_begun_ = false;
};

}  // namespace

std::optional<MacosDns> parse_macos_scutil_dns(std::string_view text) {
  ScutilReader reader;
  bool goes_on = true;
  for_each_line(text, [&](std::size_t /*number*/, std::string_view line) { goes_on = goes_on && reader.take(line); });
  return reader.finish();
}

}  // namespace vpndoctor
