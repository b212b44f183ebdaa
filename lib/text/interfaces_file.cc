// SPDX-License-Identifier: Apache-2.0
// Reads interfaces(5) of ifupdown: static addresses, gateways, and `ip route add` in commands that run when an
// interface comes up. Knows the text alone; other commands are said not to be understood when they speak of routes.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "text/configuration_text.h"

namespace vpndoctor {
namespace {

/// A line with its continuations.
struct LogicalLine {
  std::size_t number = 0;
  std::string text;
};

std::vector<LogicalLine> logical_lines(std::string_view text) {
  std::vector<LogicalLine> lines;
  bool goes_on = false;
  for_each_line(text, [&](std::size_t number, std::string_view line) {
    line = line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
    const bool next_goes_on = line.ends_with('\\');
    if (next_goes_on) line.remove_suffix(1);
    if (goes_on) {
      lines.back().text.append(line);
    } else {
      lines.push_back({number, std::string(line)});
    }
    goes_on = next_goes_on;
  });
  return lines;
}

/// Which words of an iproute2 command tell one thing each.
struct RouteWords {
  std::optional<Family> family;
  std::string_view destination;
  std::string_view gateway;
  std::string_view device;
  std::string_view metric;
  std::string_view table;
  std::string_view source;
};

std::string_view* slot(RouteWords& words, std::string_view name) {
  if (name == "via") return &words.gateway;
  if (name == "dev") return &words.device;
  if (name == "metric") return &words.metric;
  if (name == "table") return &words.table;
  if (name == "src") return &words.source;
  return nullptr;
}

/// Cuts "ip -6 route add 10.0.0.0/8 via 192.0.2.3 || true" into its parts; nullopt when it is not as plain as that.
std::optional<RouteWords> plain_route(const std::vector<std::string_view>& words) {
  RouteWords route;
  std::size_t at = 0;
  const auto next = [&] { return at < words.size() ? words[at++] : std::string_view{}; };
  const std::string_view program = next();
  if (program != "ip" && program != "/sbin/ip" && program != "/usr/sbin/ip" && program != "/bin/ip")
    return std::nullopt;
  std::string_view word = next();
  if (word == "-4" || word == "-6") {
    route.family = word == "-4" ? Family::kInet : Family::kInet6;
    word = next();
  }
  if (word != "route" && word != "r") return std::nullopt;
  word = next();
  if (word != "add" && word != "replace" && word != "append" && word != "a") return std::nullopt;
  route.destination = next();
  while (at < words.size()) {
    word = next();
    if (word == "||" && next() == "true" && at == words.size()) break;
    std::string_view* const place = slot(route, word);
    if (place == nullptr || at == words.size()) return std::nullopt;
    *place = next();
  }
  return route;
}

/// Reads a word that may be missing; false when it is there and not understood.
template <class T>
bool take_word(std::string_view word, auto parse, std::optional<T>& into) {
  if (word.empty()) return true;
  into = parse(word);
  return into.has_value();
}

/// The route that such a command adds; nullopt when a word of it is not understood.
std::optional<ConfiguredWay> way_of(const RouteWords& words, const std::string& interface) {
  ConfiguredWay way;
  if (!words.gateway.empty()) {
    way.gateway = IpAddress::parse(words.gateway);
    if (!way.gateway) return std::nullopt;
  }
  const auto implied = way.gateway ? way.gateway->family : Family::kInet;
  const auto family = words.destination == "default" ? std::optional(words.family.value_or(implied)) : words.family;
  const auto destination = parse_destination(words.destination, family);
  if (!destination) return std::nullopt;
  way.destination = *destination;
  const bool is_own = words.device.empty() || words.device == interface || words.device == "$IFACE";
  if (!is_own) return std::nullopt;
  const bool is_read = take_word(words.metric, parse_number<std::uint32_t>, way.metric) &&
                       take_word(words.table, parse_table, way.table) &&
                       take_word(words.source, IpAddress::parse, way.preferred_source);
  if (!is_read) return std::nullopt;
  return way;
}

class InterfacesReader {
 public:
  void take(const LogicalLine& line) {
    const auto words = split(line.text, kBlanks);
    if (words.empty() || words[0].starts_with('#')) return;
    const std::string_view first = words[0];
    if (first == "iface") return begin(words);
    if (first == "auto" || first.starts_with("allow-") || first == "mapping" || first == "no-auto-down" ||
        first == "no-scripts" || first == "source" || first == "source-directory") {
      open_ = false;
      for (std::size_t i = 1; first.starts_with("source") && i < words.size(); ++i) {
        file_.includes.push_back(std::string(words[i]) + (first == "source" ? "" : "/*"));
      }
      return;
    }
    if (open_ && words.size() > 1) take_option(line, words);
  }

  InterfacesFile finish() && {
    for (auto& interface : file_.interfaces) apply_masks(interface);
    return std::move(file_);
  }

 private:
  /// "iface eth0 inet static"; the words after the name may be missing when the stanza adds to another.
  void begin(const std::vector<std::string_view>& words) {
    open_ = words.size() > 1;
    if (!open_) return;
    InterfaceConfiguration interface;
    interface.manager = ConfigurationManager::kIfupdown;
    interface.interface = words[1];
    file_.interfaces.push_back(std::move(interface));
    masks_.emplace_back();
  }

  void take_option(const LogicalLine& line, const std::vector<std::string_view>& words) {
    InterfaceConfiguration& interface = file_.interfaces.back();
    const std::string_view name = words[0];
    if (name == "address") {
      const auto address = parse_configured_address(words[1]);
      if (address) interface.addresses.push_back(*address);
    } else if (name == "netmask") {
      const auto mask = IpAddress::parse(words[1]);
      masks_.back() = mask ? mask_length(*mask) : parse_number<std::uint8_t>(words[1]);
    } else if (name == "metric") {
      interface.metric = parse_number<std::uint32_t>(words[1]);
    } else if (name == "gateway") {
      take_gateway(line, words[1]);
    } else if (name == "up" || name == "post-up") {
      take_command(line, {words.begin() + 1, words.end()});
    }
  }

  void take_gateway(const LogicalLine& line, std::string_view text) {
    const auto gateway = IpAddress::parse(text);
    InterfaceConfiguration& interface = file_.interfaces.back();
    if (!gateway) return add_not_understood(interface, fmt::format("line {}: gateway", line.number));
    add_way(interface, {.destination = IpPrefix::everything(gateway->family),
                        .gateway = gateway,
                        .place = fmt::format("line {}, gateway", line.number)});
  }

  void take_command(const LogicalLine& line, const std::vector<std::string_view>& words) {
    InterfaceConfiguration& interface = file_.interfaces.back();
    const auto route = plain_route(words);
    auto way = route ? way_of(*route, interface.interface) : std::nullopt;
    if (way) {
      way->place = line_place(line.number);
      add_way(interface, std::move(*way));
    } else if (line.text.find("route") != std::string::npos) {
      add_not_understood(interface, fmt::format("line {}: {}", line.number, words[0]));
    }
  }

  void apply_masks(InterfaceConfiguration& interface) {
    const auto index = static_cast<std::size_t>(&interface - file_.interfaces.data());
    for (ConfiguredAddress& address : interface.addresses) {
      if (!address.prefix_length) address.prefix_length = masks_[index];
    }
  }

  InterfacesFile file_;
  std::vector<std::optional<std::uint8_t>> masks_;
  bool open_ = false;
};

}  // namespace

InterfacesFile parse_interfaces_file(std::string_view text) {
  InterfacesReader reader;
  for (const LogicalLine& line : logical_lines(text)) reader.take(line);
  return std::move(reader).finish();
}

}  // namespace vpndoctor
