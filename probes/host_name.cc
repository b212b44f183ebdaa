// SPDX-License-Identifier: Apache-2.0
// Splits and checks host texts; see the header.
#include "host_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMaxShown = 64;
constexpr std::size_t kMaxName = 253;  // RFC 1035 section 2.3.4, as text without the final dot
constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxHostText = 1024;  // an internationalised name is longer in UTF-8 than in ASCII

bool is_name_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_'; }

/// A colon, or only digits and dots: meant as an address, and an error in it must not become a DNS question.
bool looks_like_address(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return true;
  return std::ranges::all_of(text, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

/// What people paste where a host is asked for.
const char* advice_on(std::string_view host) {
  if (host.find("://") != std::string_view::npos) return "give the host alone: what stands between // and the next /";
  if (host.find('@') != std::string_view::npos) return "give the host alone: what follows the @";
  const auto colon = host.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && colon > 0 && (host.find(':') == colon || host[colon - 1] == ']');
  if (has_port) return "give the host without a port; --port names one";
  return "give a name such as vpn.example.org, or an IPv4 or IPv6 address";
}

std::unexpected<Error> not_a_host(std::string_view host, std::string_view why) {
  return failure(ErrorKind::kUsage, fmt::format("'{}' is no host: {}", shown_host(host), why), advice_on(host));
}

}  // namespace

std::string shown_host(std::string_view host) {
  // A byte takes at most four characters once escaped; so nothing long is escaped in vain.
  return shorten(escape_controls(host.substr(0, 4 * kMaxShown)), kMaxShown);
}

Result<HostText> split_host(std::string_view host) {
  if (host.empty()) return not_a_host(host, "it is empty");
  if (host.size() > kMaxHostText) return not_a_host(host, "it is longer than a name can be");
  if (host.find('\0') != std::string_view::npos) return not_a_host(host, "it holds a NUL byte");
  std::string_view text = host;
  const bool bracketed = text.starts_with('[');
  if (bracketed != text.ends_with(']')) return not_a_host(host, "its brackets do not match");
  if (bracketed) text = text.substr(1, text.size() - 2);
  HostText split;
  if (const auto percent = text.find('%'); percent != std::string_view::npos) {
    split.zone = text.substr(percent + 1);
    text = text.substr(0, percent);
    if (split.zone.empty()) return not_a_host(host, "its zone is empty");
  }
  split.literal = IpAddress::parse(text);
  if (!split.zone.empty() && (!split.literal || split.literal->family != Family::kInet6)) {
    return not_a_host(host, "only an IPv6 address can have a zone (%)");
  }
  if (split.literal && bracketed && split.literal->family != Family::kInet6) {
    return not_a_host(host, "brackets are for IPv6 addresses");
  }
  if (split.literal) return split;
  if (bracketed || looks_like_address(text)) return not_a_host(host, "it is not a valid address");
  split.name = text;
  return split;
}

Result<void> check_ascii_name(std::string_view name, std::string_view shown) {
  std::string_view rest = name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
  if (rest.size() > kMaxName) return not_a_host(shown, "a name has at most 253 bytes");
  while (true) {
    const auto dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    if (label.empty()) return not_a_host(shown, "a part of the name is empty");
    if (label.size() > kMaxLabel) return not_a_host(shown, "a part of a name has at most 63 bytes");
    if (label.starts_with('-')) return not_a_host(shown, "a part of the name begins with a hyphen");
    if (!std::ranges::all_of(label, is_name_character)) return not_a_host(shown, "it has characters that no name has");
    if (dot == std::string_view::npos) return {};
    rest = rest.substr(dot + 1);
  }
}

}  // namespace vpndoctor
