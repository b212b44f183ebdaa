// SPDX-License-Identifier: Apache-2.0
// Parses WireGuard's userspace interface and picks peers; see the header.
#include "vpndoctor/wireguard.h"

#include <array>
#include <charconv>

#include "hex.h"

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

/// The lines of one answer. `public_key` opens a peer; lines with other keys than that are not looked at.
class Answer {
 public:
  /// Takes one line; false when it is malformed.
  bool take(std::string_view key, std::string_view value) {
    if (key == "errno") {
      complete_ = value == "0";
      return complete_;
    }
    if (key == "public_key") return take_public_key(value);
    if (key == "fwmark") return take_unless_zero(value, device_.mark);
    if (key == "listen_port") return take_unless_zero(value, device_.listen_port);
    return device_.peers.empty() ? !is_of_peer(key) : take_of_peer(key, value, device_.peers.back());
  }

  std::optional<WireguardDevice> result() && {
    if (!complete_) return std::nullopt;
    finish_peer();
    return std::move(device_);
  }
  bool complete() const { return complete_; }

 private:
  static bool is_of_peer(std::string_view key) { return key == "endpoint" || key == "allowed_ip"; }

  template <class Number>
  static bool take_unless_zero(std::string_view value, std::optional<Number>& number) {
    const auto parsed = parse_number<Number>(value);
    if (parsed.value_or(0) != 0) number = parsed;
    return parsed.has_value();
  }

  template <class Number>
  static bool take_number(std::string_view value, Number& number) {
    const auto parsed = parse_number<Number>(value);
    number = parsed.value_or(0);
    return parsed.has_value();
  }

  bool take_public_key(std::string_view value) {
    finish_peer();
    const auto bytes = from_hex(value);
    std::string text = bytes ? wireguard_key_text(std::as_bytes(std::span(*bytes))) : std::string();
    if (text.empty()) return false;
    device_.peers.emplace_back().public_key = std::move(text);
    return true;
  }

  bool take_of_peer(std::string_view key, std::string_view value, WireguardPeer& peer) {
    if (key == "endpoint") return take_endpoint(value);
    if (key == "allowed_ip") return take_allowed_ip(value);
    if (key == "rx_bytes") return take_number(value, peer.received_bytes);
    if (key == "tx_bytes") return take_number(value, peer.sent_bytes);
    if (key == "last_handshake_time_sec") return take_number(value, handshake_seconds_);
    if (key == "last_handshake_time_nsec") return take_number(value, handshake_nanoseconds_);
    if (key != "persistent_keepalive_interval") return true;
    const auto interval = parse_number<std::uint16_t>(value);
    if (interval.value_or(0) != 0) peer.keepalive = std::chrono::seconds(*interval);
    return interval.has_value();
  }

  /// The two halves of a peer's timestamp come in lines of their own.
  void finish_peer() {
    if (!device_.peers.empty()) {
      device_.peers.back().last_handshake = wireguard_moment(handshake_seconds_, handshake_nanoseconds_);
    }
    handshake_seconds_ = handshake_nanoseconds_ = 0;
  }

  bool take_endpoint(std::string_view value) {
    const auto endpoint = parse_address_and_port(value);
    if (!endpoint) return false;
    device_.peers.back().endpoint = endpoint->first;
    device_.peers.back().endpoint_port = endpoint->second;
    return true;
  }

  bool take_allowed_ip(std::string_view value) {
    const auto allowed = parse_allowed_ip(value);
    if (!allowed) return false;
    device_.peers.back().allowed_ips.push_back(*allowed);
    return true;
  }

  WireguardDevice device_;
  std::int64_t handshake_seconds_ = 0;
  std::int64_t handshake_nanoseconds_ = 0;
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

std::string wireguard_key_text(std::span<const std::byte> key) {
  constexpr std::size_t kKeyBytes = 32;
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (key.size() != kKeyBytes) return {};
  std::string text;
  for (std::size_t at = 0; at < key.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t byte = at; byte < at + 3; ++byte) {
      group = group << 8 | (byte < key.size() ? std::to_integer<std::uint32_t>(key[byte]) : 0);
    }
    for (int shift = 18; shift >= 0; shift -= 6) text += kDigits[group >> shift & 63];
  }
  // 32 bytes fill ten groups of three and two bytes of the last.
  text.back() = '=';
  return text;
}

std::optional<std::chrono::system_clock::time_point> wireguard_moment(std::int64_t seconds, std::int64_t nanoseconds) {
  using namespace std::chrono;
  constexpr std::int64_t kMostSeconds = duration_cast<std::chrono::seconds>(system_clock::duration::max()).count() - 1;
  constexpr std::int64_t kSecond = 1'000'000'000;
  if (seconds < 0 || seconds > kMostSeconds || nanoseconds < 0 || nanoseconds >= kSecond) return std::nullopt;
  if (seconds == 0 && nanoseconds == 0) return std::nullopt;
  return system_clock::time_point(std::chrono::seconds(seconds) +
                                  duration_cast<system_clock::duration>(std::chrono::nanoseconds(nanoseconds)));
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
