// SPDX-License-Identifier: Apache-2.0
// Parses WireGuard's userspace interface and picks peers; see the header.
#include "vpndoctor/wireguard.h"

#include <charconv>

namespace vpndoctor {
namespace {

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                                   : std::nullopt;
}

std::optional<AllowedIp> parse_allowed_ip(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = IpAddress::parse(text.substr(0, slash));
  const auto length = parse_number<std::uint8_t>(text.substr(slash + 1));
  if (!address || !length || *length > address->octets().size() * 8) return std::nullopt;
  return AllowedIp{*address, *length};
}

/// The lines of one answer. `public_key` opens a peer; what it says is not looked at.
class Answer {
 public:
  /// Takes one line; false when it is malformed.
  bool take(std::string_view key, std::string_view value) {
    if (key == "public_key") {
      device_.peers.emplace_back();
      return true;
    }
    if (key == "fwmark") return take_mark(value);
    if (key == "endpoint") return take_endpoint(value);
    if (key == "allowed_ip") return take_allowed_ip(value);
    if (key == "errno") {
      complete_ = value == "0";
      return complete_;
    }
    return true;
  }

  std::optional<WireguardDevice> result() && { return complete_ ? std::optional(std::move(device_)) : std::nullopt; }
  bool complete() const { return complete_; }

 private:
  bool take_mark(std::string_view value) {
    const auto mark = parse_number<std::uint32_t>(value);
    if (mark.value_or(0) != 0) device_.mark = mark;
    return mark.has_value();
  }

  bool take_endpoint(std::string_view value) {
    const auto endpoint = parse_address_and_port(value);
    if (!endpoint || device_.peers.empty()) return false;
    device_.peers.back().endpoint = endpoint->first;
    device_.peers.back().endpoint_port = endpoint->second;
    return true;
  }

  bool take_allowed_ip(std::string_view value) {
    const auto allowed = parse_allowed_ip(value);
    if (!allowed || device_.peers.empty()) return false;
    device_.peers.back().allowed_ips.push_back(*allowed);
    return true;
  }

  WireguardDevice device_;
  bool complete_ = false;
};

}  // namespace

bool AllowedIp::contains(const IpAddress& other) const {
  if (other.family != address.family) return false;
  for (unsigned bit = 0; bit < prefix_length; bit += 8) {
    const unsigned wanted = prefix_length - bit;
    const auto mask = static_cast<std::uint8_t>(wanted >= 8 ? 0xff : 0xff << (8 - wanted));
    const std::size_t byte = bit / 8;
    if (((address.bytes[byte] ^ other.bytes[byte]) & mask) != 0) return false;
  }
  return true;
}

std::optional<std::pair<IpAddress, std::uint16_t>> parse_address_and_port(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (bracketed) host = host.substr(0, host.find('%'));
  const auto address = IpAddress::parse(host);
  if (!port || !address || bracketed != (address->family == Family::kInet6)) return std::nullopt;
  return std::pair(*address, *port);
}

std::optional<WireguardDevice> parse_wireguard_uapi(std::string_view text) {
  Answer answer;
  while (!answer.complete()) {
    const auto end = text.find('\n');
    // An answer ends with its errno; one without was cut short.
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    if (!answer.take(line.substr(0, equals), line.substr(equals + 1))) return std::nullopt;
  }
  return std::move(answer).result();
}

const WireguardPeer* wireguard_peer_for(const WireguardDevice& device, const IpAddress& inner) {
  const WireguardPeer* best = nullptr;
  int best_length = -1;
  for (const WireguardPeer& peer : device.peers) {
    for (const AllowedIp& allowed : peer.allowed_ips) {
      if (allowed.prefix_length <= best_length || !allowed.contains(inner)) continue;
      best = &peer;
      best_length = allowed.prefix_length;
    }
  }
  return best;
}

}  // namespace vpndoctor
