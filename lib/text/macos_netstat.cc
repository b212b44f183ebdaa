// SPDX-License-Identifier: Apache-2.0
// One line is a route: destination, gateway, flags, columns that differ from release to release, and the interface,
// whose place the heading tells.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "lines.h"
#include "macos_limits.h"
#include "vpndoctor/macos_text.h"
#include "vpndoctor/route_table_builder.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

std::optional<unsigned> number_up_to(std::string_view text, unsigned most) {
  const auto value = parse_number<unsigned>(text);
  return value && *value <= most ? value : std::nullopt;
}

/// Network masks that are no run of ones are printed as "&0xff00ff00"; no route that matters has one.
std::optional<unsigned> mask_length(std::string_view hexadecimal) {
  std::uint32_t mask = 0;
  if (!hexadecimal.starts_with("0x")) return std::nullopt;
  hexadecimal.remove_prefix(2);
  const auto [end, error] = std::from_chars(hexadecimal.data(), hexadecimal.data() + hexadecimal.size(), mask, 16);
  if (error != std::errc{} || end != hexadecimal.data() + hexadecimal.size()) return std::nullopt;
  unsigned length = 0;
  while (length < 32 && (mask >> (31 - length) & 1U) != 0) ++length;
  const bool is_run = length == 32 || (mask & (0xffffffffU >> length)) == 0;
  return is_run ? std::optional(length) : std::nullopt;
}

/// "10", "169.254", "192.168.1", "128.0": trailing zero bytes are left out; the length, when it is not told, is that
/// of the bytes that are there.
std::optional<IpPrefix> parse_inet_destination(std::string_view text, bool is_host) {
  std::optional<unsigned> length;
  if (const std::size_t mark = text.find_first_of("/&"); mark != std::string_view::npos) {
    const std::string_view rest = text.substr(mark + 1);
    length = text[mark] == '/' ? number_up_to(rest, 32) : mask_length(rest);
    if (!length) return std::nullopt;
    text = text.substr(0, mark);
  }
  IpAddress address;
  const auto parts = split(text, ".");
  if (parts.empty() || parts.size() > 4) return std::nullopt;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto part = number_up_to(parts[i], 255);
    if (!part) return std::nullopt;
    address.bytes[i] = static_cast<std::uint8_t>(*part);
  }
  const auto told = static_cast<unsigned>(8 * parts.size());
  return IpPrefix::of(address, is_host ? 32 : length.value_or(told));
}

std::string_view without_zone(std::string_view text) {
  const std::size_t zone = text.find('%');
  if (zone == std::string_view::npos) return text;
  return text.substr(0, zone);
}

/// "fe80::%utun0/64", "ff01::%lo0/32", "2001:db8::1".
std::optional<IpPrefix> parse_inet6_destination(std::string_view text) {
  const std::size_t slash = text.rfind('/');
  const auto length = slash == std::string_view::npos ? std::optional(128U) : number_up_to(text.substr(slash + 1), 128);
  const auto address = IpAddress::parse(without_zone(text.substr(0, slash)));
  if (!length || !address || address->family != Family::kInet6) return std::nullopt;
  return IpPrefix::of(*address, *length);
}

RouteType type_of(std::string_view flags) {
  if (flags.contains('B')) return RouteType::kBlackhole;
  if (flags.contains('R')) return RouteType::kUnreachable;
  return RouteType::kUnicast;
}

/// Letters and digits above all: what else stands there was not printed by netstat.
bool is_plain(std::string_view text) {
  constexpr std::size_t kLongest = 15;
  return text.size() <= kLongest && escape_non_ascii(text) == text && text.find('/') == std::string_view::npos;
}

/// Where the columns are in the table that is being read.
struct Columns {
  std::optional<Family> family;
  std::size_t interface = 3;

  /// "Destination Gateway Flags [Refs Use [Mtu]] Netif [Expire]"
  void read(const std::vector<std::string_view>& heading) {
    const auto found = std::find(heading.begin(), heading.end(), "Netif");
    if (found != heading.end()) interface = static_cast<std::size_t>(found - heading.begin());
  }
};

struct Line {
  Route route;
  NextHop hop;
  RouteAttributes attributes;
};

std::optional<Line> parse_line(const std::vector<std::string_view>& words, const Columns& columns) {
  if (words.size() <= columns.interface || !is_plain(words[columns.interface]) || !is_plain(words[2])) {
    return std::nullopt;
  }
  Line line;
  const std::string_view flags = words[2];
  const Family family = *columns.family;
  const bool is_host = flags.contains('H');
  const auto destination = words[0] == "default"     ? std::optional(IpPrefix::everything(family))
                           : family == Family::kInet ? parse_inet_destination(without_zone(words[0]), is_host)
                                                     : parse_inet6_destination(words[0]);
  if (!destination) return std::nullopt;
  line.route.destination = *destination;
  line.route.type = type_of(flags);
  line.attributes.macos_flags = flags;
  line.hop.interface = words[columns.interface];
  // link#5 and a link-layer address are the interface itself.
  if (flags.contains('G')) line.hop.gateway = IpAddress::parse(without_zone(words[1]));
  if (flags.contains('G') && !line.hop.gateway && !words[1].starts_with("link#")) return std::nullopt;
  return line;
}

/// Goes through the lines and keeps what they say.
class NetstatReader {
 public:
  void take(std::string_view text) {
    const auto words = split(text, " \t\r");
    if (words.empty()) return;
    if (words[0] == "Internet:") {
      begin_table(Family::kInet);
    } else if (words[0] == "Internet6:") {
      begin_table(Family::kInet6);
    } else if (words[0] == "Destination") {
      columns_.read(words);
    } else if (columns_.family && words.size() >= 3) {
      add(text, words);
    } else if (words.size() == 1 && words[0].ends_with(':')) {
      columns_.family.reset();  // a table of another family
    }
  }

  MacosRoutes finish() {
    result_.table = builder_.take();
    return std::move(result_);
  }

 private:
  void begin_table(Family family) {
    columns_ = {.family = family};
    result_.has_table = true;
  }

  void add(std::string_view text, const std::vector<std::string_view>& words) {
    auto line = parse_line(words, columns_);
    if (!line) {
      if (result_.not_understood.size() < kMostComplaints) {
        result_.not_understood.push_back(fmt::format("{} was not understood", in_quotes(text)));
      }
      return;
    }
    line->route.next_hops = builder_.intern(NextHopSet{{std::move(line->hop)}, {}});
    line->route.attributes = builder_.intern(line->attributes);
    builder_.add(line->route);
  }

  MacosRoutes result_;
  RouteTableBuilder builder_;
  Columns columns_;
};

}  // namespace

MacosRoutes parse_macos_netstat(std::string_view text) {
  NetstatReader reader;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    reader.take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return reader.finish();
}

}  // namespace vpndoctor
