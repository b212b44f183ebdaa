// SPDX-License-Identifier: Apache-2.0
// Reads dhclient.leases(5): leases of ISC's client, the newest of an interface last. Knows the text alone; which of its
// options become routes is what Debian's dhclient-script and its hook rfc3442-classless-routes do.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "text/configuration_text.h"

namespace vpndoctor {
namespace {

using Seconds = std::chrono::sys_seconds;

/// How many interfaces' leases are kept: what no machine has is not worth the time.
constexpr std::size_t kMostLeases = 256;

/// A word, or one of the marks ";", "{" and "}". What was quoted is always a word.
struct Token {
  std::string_view text;
  bool is_mark = false;
};

/// Cuts the text of leases into tokens; quoted words come without their quotes.
class LeaseWords {
 public:
  explicit LeaseWords(std::string_view text) : rest_(text) {}

  /// The next token; nullopt at the end. A quote that is not closed holds all the rest and counts for nothing.
  std::optional<Token> next() {
    skip_blanks();
    if (rest_.empty()) return std::nullopt;
    if (rest_[0] == '"') return Token{quoted()};
    const bool is_mark = kMarks.find(rest_[0]) != std::string_view::npos;
    return Token{take(is_mark ? 1 : std::min(rest_.find_first_of(" \t\r\n\f\v;{}\""), rest_.size())), is_mark};
  }
  std::size_t line() const { return line_; }

 private:
  static constexpr std::string_view kMarks = ";{}";

  void skip_blanks() {
    while (!rest_.empty()) {
      if (rest_[0] == '#') {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (rest_[0] == '\n' || kBlanks.find(rest_[0]) != std::string_view::npos) {
        take(1);
      } else {
        return;
      }
    }
  }
  std::string_view take(std::size_t length) {
    const std::string_view taken = rest_.substr(0, length);
    line_ += static_cast<std::size_t>(std::ranges::count(taken, '\n'));
    rest_.remove_prefix(length);
    return taken;
  }
  std::string_view quoted() {
    std::size_t end = 1;
    while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) return take(rest_.size()).substr(0, 0);
    const std::string_view all = take(end + 1);
    return all.substr(1, all.size() - 2);
  }

  std::string_view rest_;
  std::size_t line_ = 1;
};

/// One statement up to its ";".
struct Statement {
  std::vector<std::string_view> words;
  std::size_t line = 0;
};

/// A lease as it stands there, before its options are weighed.
struct DhclientLease {
  InterfaceConfiguration configuration;
  std::vector<ConfiguredWay> classless;
  std::vector<IpAddress> routers;
  std::size_t routers_line = 0;
  std::optional<std::uint8_t> prefix_length;
};

std::string_view word_at(const Statement& statement, std::size_t index) {
  return index < statement.words.size() ? statement.words[index] : std::string_view{};
}

/// The rest of a statement's words cut at commas and blanks.
std::vector<std::string_view> values(const Statement& statement, std::size_t from) {
  std::vector<std::string_view> all;
  for (std::size_t i = from; i < statement.words.size(); ++i) {
    const auto pieces = split(statement.words[i], ",");
    all.insert(all.end(), pieces.begin(), pieces.end());
  }
  return all;
}

/// "4 2026/11/20 22:26:56" (UTC), or "epoch 1795212416".
std::optional<Seconds> parse_time(const Statement& statement) {
  if (word_at(statement, 1) == "epoch") {
    const auto count = parse_number<std::uint32_t>(word_at(statement, 2));
    return count ? std::optional(Seconds(std::chrono::seconds(*count))) : std::nullopt;
  }
  const auto day = split(word_at(statement, 2), "/");
  const auto clock = split(word_at(statement, 3), ":");
  if (day.size() != 3 || clock.size() != 3) return std::nullopt;
  const auto year = parse_number<std::uint16_t>(day[0]);
  const auto month = parse_number<std::uint8_t>(day[1]);
  const auto date = parse_number<std::uint8_t>(day[2]);
  const auto hours = parse_number<std::uint8_t>(clock[0]);
  const auto minutes = parse_number<std::uint8_t>(clock[1]);
  const auto seconds = parse_number<std::uint8_t>(clock[2]);
  // The clock of this project counts nanoseconds and ends in 2262.
  if (!year || *year < 1970 || *year > 2200 || !month || !date || !hours || !minutes || !seconds) return std::nullopt;
  const std::chrono::year_month_day calendar{std::chrono::year(*year), std::chrono::month(*month),
                                             std::chrono::day(*date)};
  if (!calendar.ok()) return std::nullopt;
  return std::chrono::sys_days(calendar) + std::chrono::hours(*hours) + std::chrono::minutes(*minutes) +
         std::chrono::seconds(*seconds);
}

void take_expiry(const Statement& statement, InterfaceConfiguration& lease) {
  if (word_at(statement, 1) == "never") {
    lease.never_expires = true;
  } else {
    lease.expires_at = parse_time(statement);
  }
}

/// "0,192,0,2,1,16,10,77,192,0,2,3": the octets of option 121 as numbers. One that is wrong anywhere counts for
/// nothing.
bool take_classless_routes(const Statement& statement, std::vector<ConfiguredWay>& ways) {
  std::vector<std::byte> octets;
  for (const std::string_view text : values(statement, 2)) {
    const auto octet = parse_number<std::uint8_t>(text);
    if (!octet) return false;
    octets.push_back(std::byte{*octet});
  }
  auto decoded = parse_classless_routes(octets, fmt::format("line {}, {}", statement.line, statement.words[1]));
  if (decoded) ways = std::move(*decoded);
  return decoded.has_value();
}

void take_option(const Statement& statement, DhclientLease& lease) {
  const std::string_view name = word_at(statement, 1);
  const auto all = values(statement, 2);
  if (name == "subnet-mask" && all.size() == 1) {
    const auto mask = IpAddress::parse(all[0]);
    if (mask) lease.prefix_length = mask_length(*mask);
  } else if (name == "routers") {
    lease.routers_line = statement.line;
    for (const std::string_view text : all) {
      const auto router = IpAddress::parse(text);
      if (router && router->family == Family::kInet && lease.routers.size() < kMostWays)
        lease.routers.push_back(*router);
    }
  } else if (name == "rfc3442-classless-static-routes" || name == "classless-static-routes") {
    if (!take_classless_routes(statement, lease.classless)) {
      add_not_understood(lease.configuration, fmt::format("line {}: {}", statement.line, name));
    }
  }
}

void take_statement(const Statement& statement, DhclientLease& lease) {
  const std::string_view name = word_at(statement, 0);
  if (name == "interface") lease.configuration.interface = word_at(statement, 1);
  if (name == "fixed-address") {
    const auto address = IpAddress::parse(word_at(statement, 1));
    if (address && address->family == Family::kInet) lease.configuration.addresses.push_back({*address, std::nullopt});
  }
  if (name == "option") take_option(statement, lease);
  if (name == "expire") take_expiry(statement, lease.configuration);
}

/// Classless routes overrule the routers. Of several routers the first has the metric 1, the next 2 (dhclient-script).
InterfaceConfiguration weighed(DhclientLease lease) {
  lease.configuration.manager = ConfigurationManager::kDhclient;
  lease.configuration.is_lease = true;
  for (ConfiguredAddress& address : lease.configuration.addresses) address.prefix_length = lease.prefix_length;
  for (ConfiguredWay& way : lease.classless) add_way(lease.configuration, std::move(way));
  if (!lease.configuration.ways.empty()) return std::move(lease.configuration);
  std::uint32_t metric = lease.routers.size() > 1 ? 1 : 0;
  for (const IpAddress& router : lease.routers) {
    ConfiguredWay way;
    way.destination = IpPrefix::everything(Family::kInet);
    way.gateway = router;
    way.place = fmt::format("line {}, routers", lease.routers_line);
    if (metric != 0) way.metric = metric++;
    lease.configuration.ways.push_back(std::move(way));
  }
  return std::move(lease.configuration);
}

/// Reads what stands between the braces of a lease; nullopt when the text ends before the closing one.
std::optional<InterfaceConfiguration> read_lease(LeaseWords& words) {
  DhclientLease lease;
  Statement statement;
  for (auto token = words.next(); token; token = words.next()) {
    if (token->is_mark && token->text == "}") return weighed(std::move(lease));
    if (token->is_mark) {
      take_statement(statement, lease);
      statement.words.clear();
    } else {
      if (statement.words.empty()) statement.line = words.line();
      statement.words.push_back(token->text);
    }
  }
  return std::nullopt;
}

}  // namespace

std::vector<InterfaceConfiguration> parse_dhclient_leases(std::string_view text) {
  std::vector<InterfaceConfiguration> leases;
  LeaseWords words(text);
  std::string_view before;
  for (auto token = words.next(); token; token = words.next()) {
    if (token->is_mark && token->text == "{" && before == "lease") {
      auto lease = read_lease(words);
      if (!lease) break;
      const auto same = std::ranges::find(leases, lease->interface, &InterfaceConfiguration::interface);
      if (same != leases.end()) {
        *same = std::move(*lease);
      } else if (leases.size() < kMostLeases) {
        leases.push_back(std::move(*lease));
      }
    }
    before = token->text;
  }
  return leases;
}

}  // namespace vpndoctor
